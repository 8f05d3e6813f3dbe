package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"warifu/internal/exportfile"
)

// onConflict is embedded by the commands that may meet an account of the same
// name with another key.
type onConflict struct {
	OnConflict string `enum:",newer,replace,keep,skip" default:"" placeholder:"newer|replace|keep|skip" help:"What becomes of an account whose name is there with another key; asked on a terminal if not given."`
}

// source is where accounts come from.
type source struct {
	name    string
	entries []exportfile.Entry
	deleted []exportfile.Tombstone
}

type totpImportCommand struct {
	totpVaultFlags
	onConflict
	fileFlags
	Files []string `arg:"" name:"file" type:"path" help:"Files of the Authenticator of Warifu, Authenticator-Extension, Aegis, 2FAS, ente Auth, Bitwarden, FreeOTP+, Stratum, Proton Authenticator, Raivo or andOTP, or with otpauth lines."`
}

// Validate refuses two sources of a passphrase.
func (c totpImportCommand) Validate() error {
	return errors.Join(c.totpVaultFlags.Validate(), c.ofFile().Validate())
}

// Run reads all files, and then changes the accounts once: all that can be taken,
// or nothing if a file can't be read or a question is not answered.
func (c totpImportCommand) Run(env *Env) error {
	var sources []source
	var parts exportfile.Import
	for _, name := range c.Files {
		read, err := c.readFile(env, name)
		if err != nil {
			return fmt.Errorf("%s: %w; nothing was changed", filepath.Base(name), err)
		}
		parts.Parts = append(parts.Parts, read.Parts...)
		sources = append(sources, source{name: filepath.Base(name), entries: read.Entries, deleted: read.Deleted})
	}
	// The parts of a migration may be spread over the files.
	sources = append(sources, source{name: "migration", entries: exportfile.Collect(parts)})
	return c.onConflict.merge(env, c.totpVaultFlags, sources)
}

func (c totpImportCommand) readFile(env *Env, name string) (exportfile.Import, error) {
	file, err := os.Open(name)
	if err != nil {
		return exportfile.Import{}, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, exportfile.MaxSize+1))
	if err != nil {
		return exportfile.Import{}, err
	}
	return exportfile.Read(text, func(kind exportfile.Kind) (string, error) {
		passphrase, err := c.ofFile().enter(env, fmt.Sprintf("Passphrase of %s (%s): ", filepath.Base(name), kind.Product()))
		if errors.Is(err, errNoTerminal) {
			err = errors.New("the file is under a passphrase: --file-passphrase-file or --file-passphrase-fd says where it is read")
		}
		return passphrase, err
	})
}

// totpReport is what became of the accounts that came in.
type totpReport struct {
	Added    int             `json:"added"`
	Replaced int             `json:"replaced"`
	Same     int             `json:"same"`
	Skipped  int             `json:"skipped"`
	Deleted  int             `json:"deleted"` // deleted here since they were changed there
	Failed   int             `json:"failed"`
	Binned   int             `json:"binned"` // deleted there since they were changed here
	Accounts []totpReportRow `json:"accounts"`
}

type totpReportRow struct {
	Source   string `json:"source"`
	At       int    `json:"at,omitempty"`
	Name     string `json:"name,omitempty"`
	ID       string `json:"id,omitempty"`
	Outcome  string `json:"outcome"`
	Reason   string `json:"reason,omitempty"`
	ShortKey bool   `json:"short_key,omitempty"`
}

// merge merges the sources one after the other, and stores once.
func (o onConflict) merge(env *Env, f totpVaultFlags, sources []source) error {
	var report totpReport
	err := f.changeOrMake(env, func(contents *exportfile.Contents) (bool, error) {
		for _, s := range sources {
			m := exportfile.Merge{Now: env.Now(), Random: rand.Reader, Decide: func(c exportfile.Conflict) (exportfile.Choice, error) { return o.decide(env, c) }}
			merged, err := m.Into(*contents, s.entries, s.deleted)
			if err != nil {
				return false, err
			}
			*contents = merged.Contents
			report.add(s.name, merged)
		}
		if len(report.Accounts) == 0 && report.Binned == 0 {
			return false, errors.New("there is no account to take; nothing was changed")
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	if err := report.print(env, f.JSON); err != nil {
		return err
	}
	if report.Failed > 0 {
		return fmt.Errorf("%d could not be taken", report.Failed)
	}
	return nil
}

func (r *totpReport) add(source string, m exportfile.Merged) {
	r.Binned += len(m.Binned)
	for outcome, count := range map[exportfile.Outcome]*int{exportfile.Added: &r.Added, exportfile.Replaced: &r.Replaced, exportfile.Same: &r.Same,
		exportfile.Skipped: &r.Skipped, exportfile.DeletedHere: &r.Deleted, exportfile.Failed: &r.Failed} {
		*count += m.Count(outcome)
	}
	for _, line := range m.Lines {
		row := totpReportRow{Source: source, At: line.At, Name: line.Name, ID: line.ID, Outcome: string(line.Outcome), ShortKey: line.ShortKey}
		if line.Err != nil {
			row.Reason = line.Err.Error()
		}
		r.Accounts = append(r.Accounts, row)
	}
}

// print tells of each account, and at last the sums.
func (r totpReport) print(env *Env, asJSON bool) error {
	if asJSON {
		return env.JSON(r)
	}
	for _, row := range r.Accounts {
		text := row.Name
		if row.Reason != "" {
			text = fmt.Sprintf("%s, %d: %s", row.Source, row.At, row.Reason)
		}
		if row.ShortKey {
			text += " (its key is shorter than 80 bits)"
		}
		if err := env.Printf("%-8s %s\n", row.Outcome, text); err != nil {
			return err
		}
	}
	sums := fmt.Sprintf("added %d, replaced %d, same %d, failed %d", r.Added, r.Replaced, r.Same, r.Failed)
	for _, more := range []struct {
		count int
		words string
	}{{r.Skipped, "skipped"}, {r.Deleted, "deleted here before"}, {r.Binned, "moved to the bin, because deleted there"}} {
		if more.count > 0 {
			sums += fmt.Sprintf(", %s %d", more.words, more.count)
		}
	}
	if r.Added+r.Replaced == 0 {
		sums += "; nothing was added"
	}
	return env.Printf("%s\n", sums)
}

// decide answers the question that a conflict is.
func (o onConflict) decide(env *Env, c exportfile.Conflict) (exportfile.Choice, error) {
	switch {
	case o.OnConflict == "newer" && c.Newer != "":
		return c.Newer, nil
	case o.OnConflict != "" && o.OnConflict != "newer":
		return exportfile.Choice(o.OnConflict), nil
	}
	if _, ok := env.terminal(); ok {
		return askConflict(env, c)
	}
	if o.OnConflict == "newer" {
		return "", fmt.Errorf("%s is there with another key, and which is newer is not known: --on-conflict replace, keep or skip says what to do; nothing was changed", c.Existing.Name())
	}
	return "", fmt.Errorf("%s is there with another key: --on-conflict newer, replace, keep or skip says what to do; nothing was changed", c.Existing.Name())
}

// askConflict asks until there is an answer. A mere Enter takes the newer one, if
// that is known.
func askConflict(env *Env, c exportfile.Conflict) (exportfile.Choice, error) {
	question := c.Existing.Name() + " is there with another key. Replace it, keep both, or skip the new one? [replace/keep/skip] "
	if c.Newer != "" {
		question += "(" + string(c.Newer) + ") "
	}
	for {
		answer, err := env.ask(question)
		if err != nil {
			return "", err
		}
		answer = strings.ToLower(strings.TrimSpace(answer))
		if answer == "" && c.Newer != "" {
			return c.Newer, nil
		}
		for _, choice := range []exportfile.Choice{exportfile.Replace, exportfile.KeepBoth, exportfile.Skip} {
			if answer != "" && strings.HasPrefix(string(choice), answer) {
				return choice, nil
			}
		}
	}
}
