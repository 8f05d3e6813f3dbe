package config

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// envPrefix begins the names of environment variables that stand over the
// file; "__" separates levels: WARIFU_SESSION__IDLE is session.idle. A name
// that ends in _FILE takes the value from a file, for secrets. Lists are
// written as in YAML: [10.0.0.0/8, 172.16.0.0/12].
const envPrefix = "WARIFU_"

// fileKeys are keys that end in _file themselves.
var fileKeys = []string{"key_file", "password_file", "ca_file", "services_file", "database_file"}

// instead are keys of which one takes the place of the other.
var instead = map[string]string{"database": "database_file", "database_file": "database"}

// overlay puts the environment over the tree of the file.
func overlay(root *yaml.Node, environ []string, places places) (faults Faults) {
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
		if other, ok := instead[path[0]]; ok && places[other].line > 0 { // the environment counts
			remove(root, other)
			delete(places, other)
		}
		set(root, path, value)
		places.setFrom(name, path)
	}
	return faults
}

// setFrom notes that a variable has set a key, and the levels above it that
// the file does not have.
func (p places) setFrom(variable string, path []string) {
	for n := 1; n < len(path); n++ {
		if level := strings.Join(path[:n], "."); p[level] == (place{}) {
			p[level] = place{source: variable}
		}
	}
	p[strings.Join(path, ".")] = place{source: variable}
}

// set gives a key of the tree a value, and makes the levels above it.
func set(root *yaml.Node, path []string, value string) {
	if root.IsZero() {
		*root = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	node := root.Content[0]
	for _, name := range path {
		node = child(node, name)
	}
	*node = valueNode(value)
}

// valueNode is a list or a mapping if the value is written as one in YAML, and
// a single value if not.
func valueNode(value string) yaml.Node {
	single := yaml.Node{Kind: yaml.ScalarNode, Value: value}
	if !strings.HasPrefix(value, "[") && !strings.HasPrefix(value, "{") {
		return single
	}
	var document yaml.Node
	if yaml.Unmarshal([]byte(value), &document) != nil || len(document.Content) != 1 {
		return single
	}
	return *document.Content[0]
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

// remove takes a key out of the top level.
func remove(root *yaml.Node, name string) {
	if root.IsZero() || root.Content[0].Kind != yaml.MappingNode {
		return
	}
	top := root.Content[0]
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value == name {
			top.Content = slices.Delete(top.Content, i, i+2)
			return
		}
	}
}
