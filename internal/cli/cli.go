// Package cli is the command line: one file for each command. A command calls
// the same services as the pages, so that audit and notices happen.
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"warifu/internal/app"
	"warifu/internal/config"
)

// Env is what a command works with.
type Env struct {
	Context context.Context
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	Now     func() time.Time
}

// JSON writes a value for machines.
func (e *Env) JSON(value any) error {
	encoder := json.NewEncoder(e.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// Printf writes for people.
func (e *Env) Printf(format string, args ...any) error {
	_, err := fmt.Fprintf(e.Out, format, args...)
	return err
}

// commands are all commands.
type commands struct {
	Demo    demoCommand    `cmd:"" help:"Run everything on this machine with made-up people."`
	Serve   serveCommand   `cmd:"" help:"Run the server."`
	Migrate migrateCommand `cmd:"" help:"Bring the schema of the database up to date."`
	Config  configCommand  `cmd:"" help:"The configuration file."`
	User    userCommand    `cmd:"" help:"The people."`
	Client  clientCommand  `cmd:"" help:"The services."`
	Key     keyCommand     `cmd:"" help:"Signing and encryption keys."`
	Audit   auditCommand   `cmd:"" help:"The audit trail."`
	FAQ     faqCommand     `cmd:"" name:"faq" help:"The entries of the FAQ."`
	Mail    mailCommand    `cmd:"" help:"Mails that did not arrive."`
	Clock   clockCommand   `cmd:"" help:"What to do after the clock was wrong."`
	TOTP    totpCommand    `cmd:"" name:"totp" help:"An Authenticator for the terminal: codes, and accounts to and from files."`
	Version versionCommand `cmd:"" help:"Print version, revision and Go version."`

	VerifyFeed verifyFeedCommand `cmd:"" hidden:"" help:"Verify metadata for the server that has started this process."`
}

// Exit statuses.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// errExit ends the parser after it has printed its help.
type errExit int

func (e errExit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// Main runs the command that args name, and returns the exit status: 0 for
// success, 1 for a failure that is told in one line on stderr, 2 for wrong usage.
func Main(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) (status int) {
	env := &Env{Context: ctx, In: in, Out: out, Err: errOut, Now: time.Now}
	defer func() { // kong ends the program after --help
		r := recover()
		if exit, ok := r.(errExit); ok {
			status = int(exit)
		} else if r != nil {
			panic(r)
		}
	}()
	parser, err := kong.New(&commands{}, kong.Name("warifu"), kong.Writers(out, errOut), kong.UsageOnError(),
		kong.Description("The integrated sign-on of a university."), kong.Exit(func(code int) { panic(errExit(code)) }))
	if err != nil {
		fmt.Fprintln(errOut, "warifu:", err)
		return exitUsage
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(errOut, "warifu: %v (warifu --help shows the usage)\n", err)
		return exitUsage
	}
	if err := chosen.Run(env); err != nil {
		fmt.Fprintln(errOut, "warifu:", err)
		return exitFailure
	}
	return exitOK
}

// withConfig is embedded by the commands that work on a real installation.
type withConfig struct {
	Config string `name:"config" short:"c" default:"warifu.yaml" help:"The configuration file." type:"path"`
}

// open returns the application of the configuration, without starting it.
func (w withConfig) open(env *Env) (*app.App, error) {
	c, err := config.Load(w.Config, os.Environ())
	if err != nil {
		return nil, err
	}
	return app.New(env.Context, c, app.Options{Now: env.Now, Log: app.NewLog(env.Err)})
}
