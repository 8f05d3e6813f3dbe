package cli

import (
	"fmt"
	"io/fs"
	"os"

	"warifu/internal/config"
	"warifu/internal/faq"
	"warifu/internal/web"
)

type faqCommand struct {
	Check faqCheckCommand `cmd:"" help:"Tell what is wrong with the entries: broken links, missing languages, words that no screen has."`
}

type faqCheckCommand struct {
	Config string `short:"c" type:"path" placeholder:"FILE" help:"The configuration file, whose words and folder are used; without it those that are built in."`
	Folder string `type:"existingdir" placeholder:"DIR" help:"A folder with entries, in place of that of the configuration."`
	JSON   bool   `help:"Print JSON."`
}

// Run checks the entries.
func (c faqCheckCommand) Run(env *Env) error {
	configuration := config.Default()
	if c.Config != "" {
		var err error
		if configuration, err = config.Load(c.Config, os.Environ()); err != nil {
			return err
		}
	}
	catalogue, err := configuration.Catalogue()
	if err != nil {
		return err
	}
	folders := []fs.FS{faq.Builtin()}
	if c.Folder == "" {
		c.Folder = configuration.FAQ.Folder
	}
	if c.Folder != "" {
		folders = append(folders, os.DirFS(c.Folder))
	}
	library, err := faq.NewLibrary(catalogue, nil, folders...)
	if err != nil {
		return err
	}
	faults := library.Check(web.IsScreen)
	if c.JSON {
		if err := env.JSON(map[string]any{"faults": append([]faq.Fault{}, faults...)}); err != nil {
			return err
		}
	} else {
		for _, fault := range faults {
			fmt.Fprintln(env.Err, fault)
		}
	}
	switch {
	case len(faults) > 0:
		return fmt.Errorf("%d faults", len(faults))
	case c.JSON:
		return nil
	}
	return env.Printf("%d entries, no faults.\n", library.Len())
}
