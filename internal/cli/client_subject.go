package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"time"

	"warifu/internal/app"
	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/store"
)

type clientSubjectCommand struct {
	Import clientSubjectImportCommand `cmd:"" help:"Take over the values by which services know people from a former identity provider, all or none."`
	Find   clientSubjectFindCommand   `cmd:"" help:"Say whom a service knows by a value."`
}

// subjectTx is what the commands need of a transaction.
type subjectTx interface {
	SubscriberBySPSID(ctx context.Context, spsID string) (directory.Subscriber, string, error)
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	PairwiseSubject(ctx context.Context, sector, subscriberID string) (string, error)
	PairwiseOwners(ctx context.Context, value string) ([]federation.SubjectOwner, error)
	CreatePairwiseSubject(ctx context.Context, sector, subscriberID, value string, now time.Time) (string, error)
	AppendAudit(ctx context.Context, e audit.Event) error
}

type clientSubjectImportCommand struct {
	withConfig
	File   string `arg:"" type:"existingfile" help:"CSV in UTF-8 with the header sps_id,service,value."`
	DryRun bool   `help:"Say what would happen, and change nothing."`
	JSON   bool   `help:"Print JSON."`
}

// Help says what the file holds.
func (clientSubjectImportCommand) Help() string {
	return "Columns: sps_id, service (the id or the entityID of a service), value (up to 256 printable characters: of eduPersonTargetedID, " +
		"of a persistent NameID, or left of the @ of pairwise-id). A person who has another value at the service, and a value that is " +
		"another person's, are faults: no value ever names two people."
}

// subjectLine is one line of the file.
type subjectLine struct {
	line                  int
	person, sector, value string
}

// subjectReport is what was done, or would be.
type subjectReport struct {
	Added     int `json:"added"`
	Unchanged int `json:"unchanged"`
}

var (
	subjectHeader = []string{"sps_id", "service", "value"}
	subjectValue  = regexp.MustCompile(`^[!-~]{1,256}$`)

	errNotKept = errors.New("nothing is kept")
)

// Run imports values; where a line is faulty, nothing is imported.
func (c clientSubjectImportCommand) Run(env *Env) error {
	file, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return c.do(env, func(a *app.App) error {
		lines, faults := c.read(env, a, file)
		var report subjectReport
		err := store.In[subjectTx](a.DB)(env.Context, func(tx subjectTx) error {
			report = subjectReport{}
			wrong, err := report.take(env, tx, lines, a.Config.Institution.MailDomains)
			if err != nil {
				return err
			}
			if faults = append(slices.Clone(faults), wrong...); len(faults) > 0 || c.DryRun {
				return errNotKept
			}
			return tx.AppendAudit(env.Context, audit.Event{At: env.Now(), Name: audit.ServiceChanged, Actor: "command", Target: "subjects",
				Outcome: "imported", Detail: map[string]string{"added": fmt.Sprint(report.Added)}})
		})
		if err != nil && !errors.Is(err, errNotKept) {
			return err
		}
		if len(faults) > 0 {
			return refuseLines(env, c.JSON, faults)
		}
		if c.JSON {
			return env.JSON(report)
		}
		done := "Imported"
		if c.DryRun {
			done = "Would be imported"
		}
		return env.Printf("%s: %d added, %d unchanged.\n", done, report.Added, report.Unchanged)
	})
}

// read returns the lines whose form is right, and the faults of the others.
func (c clientSubjectImportCommand) read(env *Env, a *app.App, file []byte) (lines []subjectLine, faults []directory.LineFault) {
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))))
	reader.FieldsPerRecord = -1
	header, err := reader.Read()
	if err != nil || !slices.Equal(header, subjectHeader) {
		return nil, []directory.LineFault{{Line: 1, Text: "the header must be sps_id,service,value"}}
	}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return lines, faults
		}
		if parse, ok := errors.AsType[*csv.ParseError](err); ok {
			faults = append(faults, directory.LineFault{Line: parse.StartLine, Text: parse.Err.Error()})
			continue
		}
		at, _ := reader.FieldPos(0)
		if len(record) != len(subjectHeader) {
			faults = append(faults, directory.LineFault{Line: at, Text: fmt.Sprintf("has %d fields, the header has %d", len(record), len(subjectHeader))})
			continue
		}
		service, err := a.Services.Find(env.Context, record[1])
		if errors.Is(err, federation.ErrNoService) {
			service, err = a.Services.FindEntity(env.Context, record[1])
		}
		switch {
		case err != nil:
			faults = append(faults, directory.LineFault{Line: at, Column: "service", Text: err.Error()})
		case !subjectValue.MatchString(record[2]):
			faults = append(faults, directory.LineFault{Line: at, Column: "value", Text: "must be 1 to 256 printable ASCII characters without a space"})
		default:
			lines = append(lines, subjectLine{line: at, person: record[0], sector: service.SectorOf(), value: record[2]})
		}
	}
}

// take stores the lines, and returns the faults of those that cannot be. Domains are
// those of the institution's own mail, which people's IDs may be written with.
func (r *subjectReport) take(env *Env, tx subjectTx, lines []subjectLine, domains []string) (faults []directory.LineFault, err error) {
	for _, l := range lines {
		fault := func(column, text string) {
			faults = append(faults, directory.LineFault{Line: l.line, Column: column, Text: text})
		}
		who, _, err := tx.SubscriberBySPSID(env.Context, directory.FoldID(l.person, domains))
		if errors.Is(err, directory.ErrNotFound) {
			fault("sps_id", "there is no such person")
			continue
		}
		if err != nil {
			return nil, err
		}
		known, err := tx.PairwiseSubject(env.Context, l.sector, who.ID)
		if err != nil {
			return nil, err
		}
		if known == l.value {
			r.Unchanged++
			continue
		}
		if known != "" {
			fault("value", "the service knows this person by another value already")
			continue
		}
		owners, err := tx.PairwiseOwners(env.Context, l.value)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(owners, func(o federation.SubjectOwner) bool { return o.Sector == l.sector }) { //guard:SUB-1
			fault("value", "the service knows another person by this value")
			continue
		}
		if _, err := tx.CreatePairwiseSubject(env.Context, l.sector, who.ID, l.value, env.Now()); err != nil {
			return nil, err
		}
		r.Added++
	}
	return faults, nil
}

type clientSubjectFindCommand struct {
	withConfig
	Value string `arg:"" help:"The value, without @ and what follows."`
	JSON  bool   `help:"Print JSON."`
}

// foundSubject is a person whom services know by a value.
type foundSubject struct {
	Sector string `json:"sector"`
	Person string `json:"sps_id"`
	Status string `json:"status"`
}

var errNoSubject = errors.New("no service knows anybody by this value")

// Run prints whom services know by a value, those who were deleted included.
func (c clientSubjectFindCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		var found []foundSubject
		err := store.View[subjectTx](a.DB)(env.Context, func(tx subjectTx) error {
			owners, err := tx.PairwiseOwners(env.Context, c.Value)
			if err != nil {
				return err
			}
			found = nil
			for _, o := range owners {
				who, err := tx.Subscriber(env.Context, o.SubscriberID)
				if err != nil {
					return err
				}
				found = append(found, foundSubject{Sector: o.Sector, Person: who.SPSID, Status: string(who.Status)})
			}
			return nil
		})
		if err == nil && len(found) == 0 {
			err = errNoSubject
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return env.JSON(found)
		}
		for _, f := range found {
			if err := env.Printf("%s %s %s\n", f.Person, f.Sector, f.Status); err != nil {
				return err
			}
		}
		return nil
	})
}
