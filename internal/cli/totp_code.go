package cli

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"warifu/internal/exportfile"
	"warifu/internal/secret"
)

type totpCodeCommand struct {
	totpVaultFlags
	Name string   `arg:"" optional:"" help:"A part of issuer or account that only one has; all if not given."`
	At   unixTime `help:"The code of another time: RFC 3339, or seconds since 1970." placeholder:"TIME"`
	Next bool     `help:"The code after the present one. Of an account with a counter, its next code, which is used up by that."`
}

// unixTime is a time as RFC 3339 writes it, or as seconds since 1970.
type unixTime struct{ time.Time }

// UnmarshalText reads either form.
func (t *unixTime) UnmarshalText(text []byte) (err error) {
	if seconds, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		t.Time = time.Unix(seconds, 0)
		return nil
	}
	if t.Time, err = time.Parse(time.RFC3339, string(text)); err != nil {
		return errors.New("neither RFC 3339 nor seconds since 1970")
	}
	return nil
}

// totpCodeRow is a code.
type totpCodeRow struct {
	ID         string    `json:"id"`
	Issuer     string    `json:"issuer"`
	Account    string    `json:"account"`
	Type       string    `json:"type"`
	Code       string    `json:"code,omitempty"` // none of an account with a counter among all
	ValidUntil time.Time `json:"valid_until,omitzero"`
	Counter    *int64    `json:"counter,omitempty"` // that the code is of, or that the next one will be of
	name       string
	left       time.Duration
}

// Run shows the code of one account, alone in a line, or those of all.
func (c totpCodeCommand) Run(env *Env) error {
	if c.Name == "" {
		return c.all(env)
	}
	row, err := c.one(env)
	if err != nil {
		return err
	}
	if c.JSON {
		return env.JSON([]totpCodeRow{row})
	}
	return env.Printf("%s\n", row.Code)
}

func (c totpCodeCommand) one(env *Env) (row totpCodeRow, err error) {
	if !c.Next {
		contents, err := c.read(env)
		if err != nil {
			return row, err
		}
		a, err := findAccount(contents.Accounts, c.Name)
		if err == nil && a.Type == exportfile.HOTP {
			err = fmt.Errorf("%s has a counter: --next shows its next code, and uses it up", a.Name())
		}
		if err != nil {
			return row, err
		}
		return c.row(env, contents, a)
	}
	err = c.change(env, func(contents *exportfile.Contents) (changed bool, err error) {
		a, err := findAccount(contents.Accounts, c.Name)
		if err != nil {
			return false, err
		}
		if a.Type != exportfile.HOTP {
			row, err = c.row(env, *contents, a)
			return false, err
		}
		row, err = useNext(contents, a.ID)
		return err == nil, err
	})
	return row, err
}

func (c totpCodeCommand) all(env *Env) error {
	contents, err := c.read(env)
	if err != nil {
		return err
	}
	rows := []totpCodeRow{}
	for _, a := range contents.Accounts {
		row, err := c.row(env, contents, a)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	if c.JSON {
		return env.JSON(rows)
	}
	for _, r := range rows {
		state := fmt.Sprintf("%d s", int(r.left.Seconds()))
		if r.Code == "" {
			state = "--next"
		}
		if err := env.Printf("%-11s %6s  %s\n", grouped(r.Code), state, r.name); err != nil {
			return err
		}
	}
	return nil
}

// row returns the code of an account at the time that is asked for. That of an
// account with a counter is not shown: it would be used up.
func (c totpCodeCommand) row(env *Env, contents exportfile.Contents, a exportfile.Account) (totpCodeRow, error) {
	row := newCodeRow(a)
	if a.Type == exportfile.HOTP {
		return row, nil
	}
	at := c.At.Time
	if at.IsZero() {
		at = env.Now().Add(contents.Offset(a.ID))
	}
	if at.Unix() < 0 {
		return row, errors.New("there are no codes before 1970: is the clock right?")
	}
	step, until := stepAt(a, at)
	if c.Next {
		step, until = step+1, until.Add(time.Duration(a.Period)*time.Second)
	}
	row.Code, row.ValidUntil, row.left = codeOf(a, step), until, until.Sub(at)
	return row, nil
}

func newCodeRow(a exportfile.Account) totpCodeRow {
	row := totpCodeRow{ID: a.ID, Issuer: a.Issuer, Account: a.Account, Type: string(a.Type), name: a.Name()}
	if a.Type == exportfile.HOTP {
		row.Counter = &a.Counter
	}
	return row
}

// errCounterUsedUp is for a counter that can't go on.
var errCounterUsedUp = errors.New("the counter has come to its end")

// useNext moves a counter on, and returns the code that is used up by that. It is
// shown once the counter is stored: two commands at once never show the same one.
func useNext(contents *exportfile.Contents, id string) (totpCodeRow, error) {
	i := slices.IndexFunc(contents.Accounts, func(a exportfile.Account) bool { return a.ID == id })
	a := &contents.Accounts[i]
	if a.Counter == exportfile.MaxCounter {
		return totpCodeRow{}, errCounterUsedUp
	}
	row, counter := newCodeRow(*a), a.Counter
	row.Counter, row.Code = &counter, codeOf(*a, counter)
	a.Counter++
	return row, nil
}

// grouped writes a code as people read it.
func grouped(code string) string {
	half := (len(code) + 1) / 2
	if len(code) < 6 {
		return code
	}
	return code[:half] + " " + code[half:]
}

// driftWindow is how many steps either way a code is looked for.
const driftWindow = 10

type totpVerifyCommand struct {
	totpVaultFlags
	Name string `arg:"" help:"A part of issuer or account that only one has."`
	Code string `arg:"" optional:"" help:"The code; asked for, or read from standard input, if not given."`
}

var errWrongCode = errors.New("the code does not match")

// Run prints how many steps the code is off: 0 is the present one, negative ones
// are past. Nothing is used up.
func (c totpVerifyCommand) Run(env *Env) error {
	typed := c.Code
	if typed == "" {
		var err error
		if typed, err = env.line("Code: "); err != nil {
			return err
		}
	}
	contents, err := c.read(env)
	if err != nil {
		return err
	}
	a, err := findAccount(contents.Accounts, c.Name)
	if err != nil {
		return err
	}
	present := a.Counter
	if a.Type != exportfile.HOTP {
		present, _ = stepAt(a, env.Now().Add(contents.Offset(a.ID)))
	}
	offset, accepted := match(a, parseCode(a, typed), present)
	if c.JSON {
		result := map[string]any{"accepted": accepted}
		if accepted {
			result["offset"] = offset
		}
		if err := env.JSON(result); err != nil {
			return err
		}
	}
	if !accepted {
		return errWrongCode
	}
	if c.JSON {
		return nil
	}
	return env.Printf("%d\n", offset)
}

// parseCode folds what a person typed.
func parseCode(a exportfile.Account, typed string) string {
	if a.Type == exportfile.Steam {
		return strings.ToUpper(strings.TrimSpace(typed))
	}
	code, _ := secret.ParseDigits(typed)
	return code
}

// match looks for the code in the steps around the present one, nearest first.
func match(a exportfile.Account, code string, present int64) (offset int64, ok bool) {
	for n := int64(0); n <= driftWindow; n++ {
		for _, d := range []int64{-n, n} {
			if step := present + d; step >= 0 && subtle.ConstantTimeCompare([]byte(codeOf(a, step)), []byte(code)) == 1 {
				return d, true
			}
		}
	}
	return 0, false
}
