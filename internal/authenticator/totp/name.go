package totp

import "warifu/internal/authenticator"

// Name returns the name that a person gave to the authenticator with this id as
// it is kept, beside the others of its subscriber. Its errors are those of
// [authenticator.CheckName].
func Name(typed, id string, all []Authenticator) (string, error) {
	var others []string
	for _, a := range all {
		if a.ID != id && a.State == Active {
			others = append(others, a.Name)
		}
	}
	return authenticator.CheckName(typed, others)
}
