package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// envPrefix begins the names of environment variables that stand over the
// file; "__" separates levels: WARIFU_SESSION__IDLE is session.idle. A name
// that ends in _FILE takes the value from a file, for secrets.
const envPrefix = "WARIFU_"

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
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return Config{}, Faults{fmt.Sprintf("%s: %v", name, err)}
	}
	lines := linesOf(&root)
	faults := overlay(&root, environ)
	c := Default()
	faults = append(faults, decode(&root, &c)...)
	if len(faults) == 0 {
		c.resolve(filepath.Dir(name))
		faults = append(faults, c.readFiles(filepath.Dir(name))...)
		for _, fault := range c.Validate() {
			faults = append(faults, fault.Error())
		}
	}
	if len(faults) > 0 {
		return Config{}, locate(filepath.Base(name), faults, lines)
	}
	return c, nil
}

// decode reads the tree into a configuration; a key that does not exist is a fault.
func decode(root *yaml.Node, into any) Faults {
	if root.IsZero() {
		return nil
	}
	text, err := yaml.Marshal(root)
	if err != nil {
		return Faults{err.Error()}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	err = decoder.Decode(into)
	if typed, ok := errors.AsType[*yaml.TypeError](err); ok {
		var faults Faults
		for _, e := range typed.Errors {
			faults = append(faults, plainWords(e, text))
		}
		return faults
	}
	if err != nil {
		return Faults{err.Error()}
	}
	return nil
}

// plainWords names the key that a message of the decoder is about: it knows
// the line of the tree as written out, not that of the file.
func plainWords(message string, text []byte) string {
	var line int
	if _, err := fmt.Sscanf(message, "line %d:", &line); err != nil {
		return message
	}
	_, reason, _ := strings.Cut(message, ": ")
	reason, _, _ = strings.Cut(reason, " in type ")
	reason, _, _ = strings.Cut(reason, " into ")
	reason = strings.Replace(reason, "field ", "there is no key ", 1)
	reason = strings.Replace(reason, " not found", "", 1)
	return pathAt(text, line) + ": " + reason
}

// pathAt returns the dotted path of the key in a line of a block-style text.
func pathAt(text []byte, line int) string {
	var root yaml.Node
	if yaml.Unmarshal(text, &root) != nil {
		return ""
	}
	for path, at := range linesOf(&root) {
		if at == line {
			return path
		}
	}
	return ""
}

// linesOf returns the line of every key by its dotted path.
func linesOf(root *yaml.Node) map[string]int {
	lines := make(map[string]int)
	var walk func(prefix string, n *yaml.Node)
	walk = func(prefix string, n *yaml.Node) {
		switch n.Kind {
		case yaml.DocumentNode:
			walk(prefix, n.Content[0])
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				path := join(prefix, n.Content[i].Value)
				lines[path] = n.Content[i].Line
				walk(path, n.Content[i+1])
			}
		case yaml.SequenceNode:
			for i, item := range n.Content {
				path := fmt.Sprintf("%s[%d]", prefix, i)
				lines[path] = item.Line
				walk(path, item)
			}
		}
	}
	walk("", root)
	return lines
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// locate puts file and line before each fault: those of its key, or of the
// nearest key around it that the file has.
func locate(name string, faults Faults, lines map[string]int) Faults {
	located := make(Faults, len(faults))
	for i, fault := range faults {
		path, _, _ := strings.Cut(fault, ": ")
		where := name
		for p := path; p != ""; p = p[:max(strings.LastIndexAny(p, ".["), 0)] {
			if line, ok := lines[p]; ok {
				where = fmt.Sprintf("%s:%d", name, line)
				break
			}
		}
		located[i] = where + ": " + fault
	}
	slices.Sort(located)
	return slices.Compact(located)
}

// overlay puts the environment over the tree of the file.
func overlay(root *yaml.Node, environ []string) (faults Faults) {
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours {
			continue
		}
		path := strings.Split(strings.ToLower(rest), "__")
		if last := &path[len(path)-1]; strings.HasSuffix(*last, "_file") && !slices.Contains(fileKeys, *last) {
			content, err := os.ReadFile(value)
			if err != nil {
				faults = append(faults, fmt.Sprintf("%s: %v", name, err))
				continue
			}
			*last, value = strings.TrimSuffix(*last, "_file"), strings.TrimSpace(string(content))
		}
		set(root, path, value)
	}
	return faults
}

// fileKeys are keys that end in _file themselves.
var fileKeys = []string{"key_file", "password_file", "ca_file", "services_file", "database_file"}

// set gives a key of the tree a value, and makes the levels above it.
func set(root *yaml.Node, path []string, value string) {
	if root.IsZero() {
		*root = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	node := root.Content[0]
	for _, name := range path {
		node = child(node, name)
	}
	*node = yaml.Node{Kind: yaml.ScalarNode, Value: value}
}

func child(node *yaml.Node, name string) *yaml.Node {
	if node.Kind != yaml.MappingNode {
		*node = yaml.Node{Kind: yaml.MappingNode}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i+1]
		}
	}
	made := &yaml.Node{Kind: yaml.MappingNode}
	node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, made)
	return made
}

// resolve makes relative file names begin at the folder of the file.
func (c *Config) resolve(folder string) {
	for _, name := range []*string{&c.KeyFile, &c.DatabaseFile, &c.ServicesFile, &c.Institution.Logo, &c.Mail.CAFile, &c.Mail.PasswordFile} {
		if *name != "" && !filepath.IsAbs(*name) {
			*name = filepath.Join(folder, *name)
		}
	}
}

// readFiles takes in what stands in files of its own; relative names begin at
// the folder of the configuration.
func (c *Config) readFiles(folder string) (faults Faults) {
	faults = c.readDatabaseAndServices()
	read := func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(folder, name)
		}
		return os.ReadFile(name)
	}
	for i := range c.Services {
		if err := c.Services[i].ReadFiles(read); err != nil {
			faults = append(faults, fmt.Sprintf("services[%d]: %v", i, err))
		}
	}
	return faults
}

func (c *Config) readDatabaseAndServices() (faults Faults) {
	if c.DatabaseFile != "" {
		text, err := os.ReadFile(c.DatabaseFile)
		if err != nil {
			faults = append(faults, fmt.Sprintf("database_file: %v", err))
		}
		c.Database = strings.TrimSpace(string(text))
	}
	if c.ServicesFile == "" {
		return faults
	}
	text, err := os.ReadFile(c.ServicesFile)
	if err != nil {
		return append(faults, fmt.Sprintf("services_file: %v", err))
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return append(faults, fmt.Sprintf("services_file: %v", err))
	}
	more := Config{}
	for _, fault := range decode(&root, &more) {
		faults = append(faults, "services_file: "+fault)
	}
	c.Services = append(c.Services, more.Services...)
	return faults
}
