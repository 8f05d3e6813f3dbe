package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"warifu/internal/federation"
)

// Faults are all that is wrong with a configuration.
type Faults []string

func (f Faults) Error() string { return strings.Join(f, "\n") }

// Load reads a configuration file, puts the environment over it, and checks
// it. Its error is [Faults], all at once, unless the file cannot be read.
func Load(name string, environ []string) (Config, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return Config{}, err
	}
	base, folder := filepath.Base(name), filepath.Dir(name)
	root, broken := parse(base, text)
	if broken != nil {
		return Config{}, broken
	}
	places := placesOf(base, root)
	faults := overlay(root, environ, places)
	c := Default()
	unread := decode(root, &c)
	c.resolve(folder)
	faults = append(faults, unread...)
	faults = append(faults, c.readDatabase(folder)...)
	located := c.readServices(places)
	faults = append(faults, c.readSecrets(folder)...)
	if c.DatabaseFile != "" {
		unread = append(unread, "database: has been told of")
	}
	for _, fault := range c.Validate() {
		if !unread.cover(fault.Error()) {
			faults = append(faults, fault.Error())
		}
	}
	if located = append(located, places.locate(base, faults)...); len(located) > 0 {
		return Config{}, located.inOrder()
	}
	return c, nil
}

// cover reports whether the value that a fault is about, or one around it,
// could not be read: then it cannot be judged either.
func (f Faults) cover(fault string) bool {
	path := pathOf(fault)
	return slices.ContainsFunc(f, func(unread string) bool {
		outer := pathOf(unread)
		return path == outer || strings.HasPrefix(path, outer+".") || strings.HasPrefix(path, outer+"[")
	})
}

// syntaxLine is how the parser names the line of a mistake.
var syntaxLine = regexp.MustCompile(`^ yaml: line ([0-9]+): `)

// parse returns the tree of a file, which is the zero node if it says nothing.
func parse(base string, text []byte) (*yaml.Node, Faults) {
	var root, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(&root)
	if errors.Is(err, io.EOF) {
		return &root, nil
	}
	if err == nil {
		if err = decoder.Decode(&more); errors.Is(err, io.EOF) {
			return &root, nil
		}
		if err == nil {
			err = fmt.Errorf("yaml: line %d: a second document begins here", more.Line)
		}
	}
	return nil, Faults{base + ":" + syntaxLine.ReplaceAllString(" "+err.Error(), "$1: ")}
}

// decode reads the tree into a configuration; a key that does not exist is a
// fault. What can be read is read.
func decode(root *yaml.Node, into any) Faults {
	if root.IsZero() {
		return nil
	}
	spread(root)
	text, err := yaml.Marshal(root)
	if err != nil {
		return Faults{err.Error()}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	err = decoder.Decode(into)
	if typed, ok := errors.AsType[*yaml.TypeError](err); ok {
		var faults Faults
		keys := keysByLine(text)
		for _, e := range typed.Errors {
			faults = append(faults, plainWords(e, keys))
		}
		return faults
	}
	if err != nil {
		return Faults{err.Error()}
	}
	return nil
}

// spread gives every key a line of its own, so that a line says which key it is.
func spread(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle
	for _, child := range n.Content {
		spread(child)
	}
}

// plainWords names the key that a message of the decoder is about: it knows
// the line of the tree as written out, not that of the file.
func plainWords(message string, keys map[int]string) string {
	var line int
	if _, err := fmt.Sscanf(message, "line %d:", &line); err != nil {
		return message
	}
	path := keys[line]
	_, reason, _ := strings.Cut(message, ": ")
	switch {
	case strings.HasPrefix(reason, "mapping key "):
		reason = "is there twice"
	case strings.HasPrefix(reason, "field "):
		name, _, _ := strings.Cut(strings.TrimPrefix(reason, "field "), " not found")
		reason = "there is no key " + name
	case strings.HasPrefix(reason, "cannot unmarshal !!seq"), strings.HasPrefix(reason, "cannot unmarshal !!map"):
		path = outer(path) // the line is that of the first thing in it
	}
	reason, _, _ = strings.Cut(reason, " into ")
	if path == "" {
		path = "the file"
	}
	return path + ": " + reason
}

// keysByLine returns the path of the innermost key in each line of a block-style text.
func keysByLine(text []byte) map[int]string {
	keys := make(map[int]string)
	root, broken := parse("", text)
	if broken != nil {
		return keys
	}
	for path, place := range placesOf("", root) {
		if len(path) > len(keys[place.line]) {
			keys[place.line] = path
		}
	}
	return keys
}

// resolve makes relative file names begin at the folder of the file.
func (c *Config) resolve(folder string) {
	for _, name := range []*string{&c.KeyFile, &c.DatabaseFile, &c.ServicesFile, &c.Institution.Logo, &c.Mail.CAFile, &c.Mail.PasswordFile, &c.FAQ.Folder, &c.Authenticator.Packages} {
		if *name != "" && !filepath.IsAbs(*name) {
			*name = filepath.Join(folder, *name)
		}
	}
	for i := range c.SAML.Feeds {
		if file := &c.SAML.Feeds[i].File; *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(folder, *file)
		}
	}
}

// readDatabase takes in the address of the database; a relative name in it
// begins at the folder of the configuration, too.
func (c *Config) readDatabase(folder string) (faults Faults) {
	switch {
	case c.DatabaseFile != "" && c.Database != "":
		faults = append(faults, "database_file: database is given, too, and nobody could say which counts")
	case c.DatabaseFile != "":
		text, err := os.ReadFile(c.DatabaseFile)
		if err != nil {
			return Faults{fmt.Sprintf("database_file: %v", err)}
		}
		c.Database = strings.TrimSpace(string(text))
		if err := checkDatabase(c.Database); err != nil {
			return Faults{fmt.Sprintf("database_file: %v", err)}
		}
	}
	if path, ok := strings.CutPrefix(c.Database, sqlitePrefix); ok && path != "" && !filepath.IsAbs(path) {
		c.Database = sqlitePrefix + filepath.Join(folder, path)
	}
	return faults
}

// readServices takes in the services that stand in a file of their own. What
// that file says wrongly is located in it; so are the services themselves from
// then on.
func (c *Config) readServices(places places) located {
	if c.ServicesFile == "" {
		return nil
	}
	base := filepath.Base(c.ServicesFile)
	text, err := os.ReadFile(c.ServicesFile)
	if err != nil {
		return places.locate(base, Faults{fmt.Sprintf("services_file: %v", err)})
	}
	root, broken := parse(base, text)
	if broken != nil {
		return places.locate(base, Faults{"services_file: " + broken.Error()})
	}
	theirs := placesOf(base, root)
	var more struct {
		Services []federation.Service `yaml:"services"`
	}
	located := theirs.locate(base, decode(root, &more))
	for i := range more.Services {
		places[fmt.Sprintf("services[%d]", len(c.Services)+i)] = theirs[fmt.Sprintf("services[%d]", i)]
	}
	c.Services = append(c.Services, more.Services...)
	return located
}

// readSecrets takes in what each service and each feed has in files of its own;
// relative names begin at the folder of the configuration.
func (c *Config) readSecrets(folder string) (faults Faults) {
	for i := range c.Services {
		if err := c.Services[i].ReadFiles(within(folder)); err != nil {
			faults = append(faults, fmt.Sprintf("services[%d]: %v", i, err))
		}
	}
	for i := range c.SAML.Feeds {
		if err := c.SAML.Feeds[i].ReadFiles(within(folder)); err != nil {
			faults = append(faults, fmt.Sprintf("saml.feeds[%d].certificate_file: %v", i, err))
		}
	}
	return faults
}
