package cli

import (
	"fmt"
	"os"
	"strings"
	"time"

	"warifu/internal/app"
	"warifu/internal/authenticator/password"
	"warifu/internal/directory"
	"warifu/internal/directory/local"
)

type userCommand struct {
	Import         userImportCommand     `cmd:"" help:"Add and change people from a CSV file, all or none."`
	Show           userShowCommand       `cmd:"" help:"Show a person."`
	Suspend        userSuspendCommand    `cmd:"" help:"Keep a person out; all sessions end."`
	Resume         userResumeCommand     `cmd:"" help:"Let a person in again."`
	Unlock         userUnlockCommand     `cmd:"" help:"Clear the waits that wrong passwords and codes have earned, and what a report of a change has stopped."`
	ActivationCode userActivationCommand `cmd:"" help:"Make a code for the first setup; it is printed once."`
	Role           userRoleCommand       `cmd:"" help:"Give a person a role."`
	Privileged     userPrivilegedCommand `cmd:"" help:"Mark a person whom no mail lets back in, and one agent alone neither."`
}

// onUser is embedded by the commands about one person.
type onUser struct {
	withConfig
	ID     string `arg:"" help:"The SPS-ID."`
	Reason string `help:"Why; it is recorded."`
	JSON   bool   `help:"Print JSON."`
}

// act does something with the person, and says how that person is now.
func (c onUser) act(env *Env, do func(*local.Service) error) error {
	return c.do(env, func(a *app.App) error {
		if err := do(a.Directory); err != nil {
			return err
		}
		who, err := a.Directory.Show(env.Context, c.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return env.JSON(who)
		}
		return env.Printf("%s: status %s, role %s%s\n", who.SPSID, who.Status, who.Role, privilege(who))
	})
}

// do runs act on the directory of the configuration.
func (c withConfig) do(env *Env, act func(*app.App) error) error {
	a, err := c.open(env)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.DB.CheckSchema(env.Context); err != nil {
		return err
	}
	return act(a)
}

type userImportCommand struct {
	withConfig
	File   string `arg:"" type:"existingfile" help:"CSV in UTF-8 or Shift_JIS, with a header line."`
	DryRun bool   `help:"Say what would happen, and change nothing."`
	JSON   bool   `help:"Print JSON."`
}

// Help says what the file may hold.
func (userImportCommand) Help() string {
	return "Columns, in any order: " + strings.Join(directory.Columns, ", ") + ". " +
		"sps_id and some name must be there; groups are separated by semicolons. " +
		"Of a person who is known, what has no column stays as it is, and so do an empty status or language; " +
		"a password hash is taken only where there is no password yet. Notification addresses are never imported."
}

// Run imports people; where a line is faulty, nothing is imported.
func (c userImportCommand) Run(env *Env) error {
	file, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return c.do(env, func(a *app.App) error {
		importer := directory.Importer{Domains: a.Config.Institution.MailDomains, CheckHash: password.Supported}
		lines, faults := importer.Read(file)
		if len(faults) > 0 {
			return refuseLines(env, c.JSON, faults)
		}
		report, err := a.Directory.Import(env.Context, lines, c.DryRun)
		if err != nil {
			return err
		}
		if len(report.Faults) > 0 {
			return refuseLines(env, c.JSON, report.Faults)
		}
		if c.JSON {
			return env.JSON(report)
		}
		done := "Imported"
		if c.DryRun {
			done = "Would be imported"
		}
		return env.Printf("%s: %d added, %d changed (%d of them suspended), %d unchanged.\n",
			done, report.Added, report.Changed, report.Suspended, report.Unchanged)
	})
}

// refuseLines names every faulty line of a file that is taken whole or not at all.
func refuseLines(env *Env, asJSON bool, faults []directory.LineFault) error {
	if asJSON {
		if err := env.JSON(map[string]any{"faults": faults}); err != nil {
			return err
		}
	} else {
		for _, fault := range faults {
			fmt.Fprintln(env.Err, fault)
		}
	}
	return fmt.Errorf("%d faults; nothing was imported", len(faults))
}

type userShowCommand struct{ onUser }

// Run prints what the directory knows of a person.
func (c userShowCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		who, err := a.Directory.Show(env.Context, c.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return env.JSON(who)
		}
		status := string(who.Status)
		if who.Frozen() {
			status += ", settings and recovery by mail stopped by a report since " + who.FrozenAt.Format(time.RFC3339)
		}
		return env.Printf("%s  %s  %s %s\n  status %s, role %s%s, affiliation %s, groups %v\n  mailbox %s, since %s\n",
			who.SPSID, who.Display, who.Japanese.Family, who.Japanese.Given, status, who.Role, privilege(who), who.Affiliation, who.Groups,
			who.Mailbox, who.CreatedAt.Format(time.DateOnly))
	})
}

type userSuspendCommand struct{ onUser }

// Run suspends a person.
func (c userSuspendCommand) Run(env *Env) error {
	return c.act(env, func(d *local.Service) error { return d.Suspend(env.Context, c.ID, c.Reason) })
}

type userResumeCommand struct{ onUser }

// Run lets a person in again.
func (c userResumeCommand) Run(env *Env) error {
	return c.act(env, func(d *local.Service) error { return d.Resume(env.Context, c.ID, c.Reason) })
}

type userUnlockCommand struct{ onUser }

// Run clears a person's waits.
func (c userUnlockCommand) Run(env *Env) error {
	return c.act(env, func(d *local.Service) error { return d.Unlock(env.Context, c.ID, c.Reason) })
}

type userActivationCommand struct{ onUser }

// Run prints an activation code, once.
func (c userActivationCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		code, until, err := a.Directory.ActivationCode(env.Context, c.ID, c.Reason)
		if err != nil {
			return err
		}
		if c.JSON {
			return env.JSON(map[string]string{"activation_code": code, "expires_at": until.UTC().Format(time.RFC3339)})
		}
		return env.Printf("%s\nIt works once, until %s.\n", code, until.Format(time.RFC3339))
	})
}

type userRoleCommand struct {
	onUser
	Role string `arg:"" enum:"subscriber,agent,administrator,auditor" help:"subscriber, agent, administrator or auditor."`
}

// Run gives a person a role.
func (c userRoleCommand) Run(env *Env) error {
	return c.act(env, func(d *local.Service) error {
		return d.SetRole(env.Context, c.ID, directory.Role(c.Role), c.Reason)
	})
}

type userPrivilegedCommand struct {
	onUser
	Off bool `help:"Take the mark away."`
}

// Run marks a person, or takes the mark away.
func (c userPrivilegedCommand) Run(env *Env) error {
	return c.act(env, func(d *local.Service) error {
		return d.SetPrivileged(env.Context, c.ID, !c.Off, c.Reason)
	})
}

// privilege says that somebody is privileged, and why.
func privilege(who directory.Subscriber) string {
	switch {
	case who.Privileged:
		return ", privileged"
	case who.PrivilegedGroup != "":
		return ", privileged as one of " + who.PrivilegedGroup
	case who.IsPrivileged():
		return ", privileged by the role"
	}
	return ""
}
