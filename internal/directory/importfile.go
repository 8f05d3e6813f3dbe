package directory

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// ImportLine is one person of an import file.
type ImportLine struct {
	Line         int      // in the file, the header being line 1
	Columns      []string // that the file has; it says nothing of the others
	Subscriber            // without the identifiers that never change; Status is empty if the line names none
	PasswordHash string

	named bool // the display name is the file's, and not made from the other names
}

// Over puts what the line says over what is known of a person, or over the zero
// Subscriber if nothing is. What the file has no column for stays, above all a
// suspension; so do status and language where the line leaves them empty.
func (l ImportLine) Over(known Subscriber) Subscriber {
	merged := ImportLine{Subscriber: known}
	for _, column := range l.Columns {
		switch column {
		case "sps_id", "display", "password_hash":
		case "groups":
			merged.Groups = l.Groups
		case "affiliation":
			merged.Affiliation = l.Affiliation
		case "orcid":
			merged.Academic.ORCID = l.Academic.ORCID
		case "person_code":
			merged.Academic.PersonCode = l.Academic.PersonCode
		case "entitlements":
			merged.Academic.Entitlements = l.Academic.Entitlements
		case "assurance":
			merged.Academic.Assurance = l.Academic.Assurance
		case "unique_codes":
			merged.Academic.UniqueCodes = l.Academic.UniqueCodes
		case "mailbox":
			merged.Mailbox = l.Mailbox
		case "telephone":
			merged.Telephone = l.Telephone
		case "status":
			merged.Status = cmp.Or(l.Status, known.Status)
		case "language":
			merged.Language = cmp.Or(l.Language, known.Language)
		default:
			*merged.name(column) = *l.name(column)
		}
	}
	if renamed := merged.Latin != known.Latin || merged.Japanese != known.Japanese; l.named || renamed || known.Display == "" {
		merged.Display = l.Display
	}
	if known.SPSID == "" {
		merged.SPSID, merged.Role, merged.Status = l.SPSID, RoleSubscriber, cmp.Or(merged.Status, Active)
	}
	return merged.Subscriber
}

// LineFault is what is wrong with one line of an import file.
type LineFault struct {
	Line   int    `json:"line"`
	Column string `json:"column,omitempty"`
	Text   string `json:"fault"`
}

func (f LineFault) String() string {
	if f.Column == "" {
		return fmt.Sprintf("line %d: %s", f.Line, f.Text)
	}
	return fmt.Sprintf("line %d: %s: %s", f.Line, f.Column, f.Text)
}

// Columns are the columns of an import file, in any order; only sps_id and one
// of display or family must be there.
var Columns = []string{"sps_id", "display", "family", "given", "family_ja", "given_ja", "family_kana", "given_kana", "affiliation",
	"department", "department_ja", "groups", "status", "mailbox", "telephone", "language", "orcid", "person_code", "entitlements", "assurance", "unique_codes", "password_hash"}

// Affiliations are those of eduPerson (eduPersonAffiliation).
var Affiliations = []string{"student", "faculty", "staff", "employee", "member", "affiliate", "alum", "library-walk-in"}

// Importer reads import files.
type Importer struct {
	Domains   []string           // of the institution's own mail; see [FoldID]
	CheckHash func(string) error // says what is wrong with a password hash that was brought along
}

// Read returns every person of a CSV file in UTF-8 or Shift_JIS, and every
// fault of every line. Where there are faults, nothing should be imported.
func (i Importer) Read(file []byte) ([]ImportLine, []LineFault) {
	text, err := decodeText(file)
	if err != nil {
		return nil, []LineFault{{Line: 1, Text: err.Error()}}
	}
	reader := csv.NewReader(bytes.NewReader(text))
	reader.FieldsPerRecord = -1
	header, err := reader.Read()
	if err != nil {
		return nil, []LineFault{{Line: 1, Text: "there is no header line"}}
	}
	if faults := checkHeader(header); len(faults) > 0 {
		return nil, faults
	}
	return i.lines(reader, header)
}

func (i Importer) lines(reader *csv.Reader, header []string) (all []ImportLine, faults []LineFault) {
	first := make(map[string]int) // line of each SPS-ID
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, faults
		}
		if parse, ok := errors.AsType[*csv.ParseError](err); ok {
			faults = append(faults, LineFault{Line: parse.StartLine, Text: parse.Err.Error()})
			continue
		}
		line, _ := reader.FieldPos(0)
		if len(record) != len(header) {
			faults = append(faults, LineFault{Line: line, Text: fmt.Sprintf("has %d fields, the header has %d", len(record), len(header))})
			continue
		}
		person, wrong := i.person(line, header, record)
		if before, twice := first[person.SPSID]; twice && person.SPSID != "" {
			wrong = append(wrong, LineFault{Line: line, Column: "sps_id", Text: fmt.Sprintf("is in line %d, too", before)})
		}
		first[person.SPSID] = line
		faults = append(faults, wrong...)
		all = append(all, person)
	}
}

// decodeText returns the file in UTF-8.
func decodeText(file []byte) ([]byte, error) {
	if utf8.Valid(file) {
		return bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")), nil
	}
	text, err := japanese.ShiftJIS.NewDecoder().Bytes(file)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, errors.New("the file is neither UTF-8 nor Shift_JIS")
	}
	return text, nil
}

func checkHeader(header []string) (faults []LineFault) {
	for n, column := range header {
		switch {
		case !slices.Contains(Columns, column):
			faults = append(faults, LineFault{Line: 1, Column: column, Text: "there is no such column"})
		case slices.Contains(header[:n], column):
			faults = append(faults, LineFault{Line: 1, Column: column, Text: "is there twice"})
		}
	}
	if !slices.Contains(header, "sps_id") {
		faults = append(faults, LineFault{Line: 1, Column: "sps_id", Text: "is missing"})
	}
	return faults
}

// The longest fields, in characters.
const (
	maxField  = 200
	maxGroups = 4000 // all groups of a person
)

func (i Importer) person(line int, header, record []string) (p ImportLine, faults []LineFault) {
	p = ImportLine{Line: line, Columns: header}
	fault := func(column, format string, args ...any) {
		faults = append(faults, LineFault{Line: line, Column: column, Text: fmt.Sprintf(format, args...)})
	}
	for n, column := range header {
		value := strings.TrimSpace(norm.NFC.String(record[n]))
		if longest := longestField(column); utf8.RuneCountInString(value) > longest {
			fault(column, "is longer than %d characters", longest)
			continue
		}
		if strings.ContainsFunc(value, unicode.IsControl) {
			fault(column, "has a control character")
			continue
		}
		if problem := i.set(&p, column, value); problem != "" {
			fault(column, "%s", problem)
		}
	}
	p.named = p.Display != ""
	if p.Display == "" {
		p.Display = strings.TrimSpace(p.Latin.Given + " " + p.Latin.Family)
	}
	if p.Display == "" {
		p.Display = strings.TrimSpace(p.Japanese.Family + " " + p.Japanese.Given)
	}
	if p.Display == "" {
		fault("display", "there is no name")
	}
	return p, faults
}

func longestField(column string) int {
	if column == "groups" || column == "entitlements" || column == "assurance" || column == "unique_codes" {
		return maxGroups
	}
	return maxField
}

// set puts a value into its place, and says what is wrong with it.
func (i Importer) set(p *ImportLine, column, value string) (problem string) {
	switch column {
	case "sps_id":
		p.SPSID = FoldID(value, i.Domains)
		typed := strings.IndexFunc(p.SPSID, func(r rune) bool { return r == ' ' || r == '@' || !unicode.IsPrint(r) }) < 0
		if p.SPSID == "" || len(value) > MaxID || !typed {
			return fmt.Sprintf("%q is no SPS-ID", value)
		}
	case "groups":
		p.Groups = list(value)
		if i := slices.IndexFunc(p.Groups, func(group string) bool { return utf8.RuneCountInString(group) > maxField }); i >= 0 {
			return fmt.Sprintf("a group is longer than %d characters", maxField)
		}
	case "orcid":
		p.Academic.ORCID = strings.TrimPrefix(value, "https://orcid.org/")
		if value != "" && !isORCID(p.Academic.ORCID) {
			return fmt.Sprintf("%q is no ORCID iD", value)
		}
	case "person_code":
		p.Academic.PersonCode = value
		if value != "" && !personCode.MatchString(value) {
			return fmt.Sprintf("%q is not student:, faculty: or staff: with a number", value)
		}
	case "entitlements":
		return uris(&p.Academic.Entitlements, value)
	case "assurance":
		if problem := uris(&p.Academic.Assurance, value); problem != "" {
			return problem
		}
		if i := slices.IndexFunc(p.Academic.Assurance, loginProfile.MatchString); i >= 0 {
			return fmt.Sprintf("%q says how somebody logs in, which only the login itself can tell", p.Academic.Assurance[i])
		}
	case "unique_codes":
		p.Academic.UniqueCodes = list(value)
		for _, code := range p.Academic.UniqueCodes {
			if !uniqueCode.MatchString(code) {
				return fmt.Sprintf("%q is not urn:schac:personalUniqueCode: with a country, a kind and a number", code)
			}
		}
	case "affiliation":
		p.Affiliation = value
		if value != "" && !slices.Contains(Affiliations, value) {
			return fmt.Sprintf("%q is not one of %s", value, strings.Join(Affiliations, ", "))
		}
	case "status":
		p.Status = Status(value)
		if !slices.Contains([]Status{"", Active, Suspended}, p.Status) {
			return fmt.Sprintf("%q is not active or suspended", value)
		}
	case "language":
		p.Language = value
		if !slices.Contains([]string{"", "ja", "en"}, value) {
			return fmt.Sprintf("%q is not ja or en", value)
		}
	case "mailbox":
		p.Mailbox = value
		if value != "" && !mailbox.MatchString(value) {
			return fmt.Sprintf("%q is no mail address", value)
		}
	case "telephone":
		p.Telephone = fold(value)
		if p.Telephone != "" && !telephone.MatchString(p.Telephone) {
			return fmt.Sprintf("%q is no telephone number", value)
		}
	case "password_hash":
		p.PasswordHash = value
		if value != "" {
			if err := i.CheckHash(value); err != nil {
				return err.Error()
			}
		}
	case "family_kana", "given_kana":
		*p.name(column) = katakana(fold(value))
	default:
		*p.name(column) = fold(value)
	}
	return ""
}

// list returns the words of a column with several, which semicolons or spaces part.
func list(value string) []string {
	return slices.Compact(slices.Sorted(slices.Values(strings.FieldsFunc(value, func(r rune) bool { return r == ';' || unicode.IsSpace(r) }))))
}

// uris takes a list of URIs, and says what is wrong with it.
func uris(into *[]string, value string) (problem string) {
	*into = list(value)
	for _, one := range *into {
		if !uri.MatchString(one) {
			return fmt.Sprintf("%q is no URI", one)
		}
	}
	return ""
}

// uri is one of the kinds that attributes have, of plain ASCII.
var uri = regexp.MustCompile(`^(https?://|urn:)[!-~]+$`)

// loginProfile is what says how somebody has logged in (REFEDS MFA and SFA, the
// AAL of GakuNin and others, the classes of SAML). Beside the assurance of the
// identity, which is of the person, it would be believed of every session.
var loginProfile = regexp.MustCompile(`^(?i:https?://(www\.)?refeds\.org/profile/)|^(?i:urn:oasis:names:tc:SAML:2\.0:ac:)|[^/:][/:#](AAL|(?i:aal([^a-z]|$)))`)

// personCode is a number with what it is of (gakuninScopedPersonalUniqueCode,
// without the scope).
var personCode = regexp.MustCompile(`^(student|faculty|staff):[A-Za-z0-9._-]{1,64}$`)

// uniqueCode is that of an institution (SCHAC 1.6.0, schacPersonalUniqueCode).
var uniqueCode = regexp.MustCompile(`^urn:schac:personalUniqueCode:[a-z]{2,3}:[!-9;-~]+:[!-~]+$`)

var orcid = regexp.MustCompile(`^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]$`)

// isORCID checks the form and the last character (ISO 7064 MOD 11-2).
func isORCID(value string) bool {
	if !orcid.MatchString(value) {
		return false
	}
	digits := strings.ReplaceAll(value, "-", "")
	sum := 0
	for _, digit := range digits[:len(digits)-1] {
		sum = (sum + int(digit-'0')) * 2
	}
	check := "0123456789X"[(12-sum%11)%11]
	return digits[len(digits)-1] == check
}

// mailbox is an address that mail can be sent to: a dot-atom of plain ASCII.
var mailbox = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

// telephone is a number as people write it.
var telephone = regexp.MustCompile(`^\+?[0-9][0-9 ()-]{3,24}$`)

// fold makes half-width kana and full-width letters ordinary ones. Half-width
// sound marks are characters of their own, which are composed afterwards.
func fold(value string) string { return strings.TrimSpace(norm.NFC.String(width.Fold.String(value))) }

// katakana writes hiragana in katakana: services are told that the reading is
// katakana (ja-Kana, ISO 15924).
func katakana(value string) string {
	return strings.Map(func(r rune) rune {
		if 'ぁ' <= r && r <= 'ゖ' || r == 'ゝ' || r == 'ゞ' {
			return r + 'ァ' - 'ぁ'
		}
		return r
	}, value)
}

// name is the place of a column that is taken as it is, half-width kana and
// full-width letters folded.
func (p *ImportLine) name(column string) *string {
	switch column {
	case "family":
		return &p.Latin.Family
	case "given":
		return &p.Latin.Given
	case "family_ja":
		return &p.Japanese.Family
	case "given_ja":
		return &p.Japanese.Given
	case "family_kana":
		return &p.Kana.Family
	case "given_kana":
		return &p.Kana.Given
	case "department":
		return &p.Department.English
	case "department_ja":
		return &p.Department.Japanese
	default:
		return &p.Display
	}
}
