package cli

import (
	"fmt"
	"time"

	"warifu/internal/app"
	"warifu/internal/audit"
	"warifu/internal/store"
)

type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Look for any change of the audit trail."`
	Export auditExportCommand `cmd:"" help:"Print the audit trail as JSON lines."`
}

type auditVerifyCommand struct {
	withConfig
	Head string `help:"A head that was noted earlier; it must still be there."`
	JSON bool   `help:"Print JSON."`
}

// Run verifies the trail, and prints its head, to be kept elsewhere.
func (c auditVerifyCommand) Run(env *Env) error {
	var kept *audit.Head
	if c.Head != "" {
		head, err := audit.ParseHead(c.Head)
		if err != nil {
			return err
		}
		kept = &head
	}
	return c.do(env, func(a *app.App) error {
		report, err := a.Trail().Verify(env.Context, kept)
		if err != nil {
			return err
		}
		if c.JSON {
			if err := env.JSON(report); err != nil {
				return err
			}
		} else {
			for _, fault := range report.Faults {
				fmt.Fprintln(env.Err, fault)
			}
			if err := env.Printf("%d events in %d blocks, %d not sealed yet. Head: %s\n", report.Events, report.Blocks, report.Open, report.Head); err != nil {
				return err
			}
		}
		if len(report.Faults) > 0 {
			return fmt.Errorf("the trail was altered: %s", report.Faults[0])
		}
		return nil
	})
}

type auditExportCommand struct {
	withConfig
	From       time.Time `help:"First time, RFC 3339."`
	To         time.Time `help:"First time that is left out, RFC 3339."`
	Subscriber string    `help:"SPS-ID of the person whom it is about."`
	Name       string    `help:"Name of the event."`
}

// Run prints the trail.
func (c auditExportCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		f := audit.Filter{From: c.From, To: c.To, Name: audit.Name(c.Name)}
		if c.Subscriber != "" {
			who, err := a.Directory.Show(env.Context, c.Subscriber)
			if err != nil {
				return err
			}
			f.Subscriber = who.ID
		}
		x := &audit.Exporter{InTx: store.In[audit.ExportTx](a.DB), Now: env.Now}
		return x.Export(env.Context, env.Out, f, "command")
	})
}
