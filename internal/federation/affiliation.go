package federation

// Affiliations returns an affiliation and what it implies (eduPerson §2.2.1):
// who studies or works here is a member.
func Affiliations(affiliation string) []string {
	switch affiliation {
	case "":
		return nil
	case "student", "faculty", "staff", "employee":
		return []string{affiliation, "member"}
	}
	return []string{affiliation}
}
