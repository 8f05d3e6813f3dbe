package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// place is where a key has its value from: a line of a file, or a variable of
// the environment, which has no line.
type place struct {
	source string
	line   int
}

func (p place) String() string {
	if p.line == 0 {
		return p.source
	}
	return fmt.Sprintf("%s:%d", p.source, p.line)
}

// places are the places of all keys, by dotted path: session.idle, services[0].id.
type places map[string]place

// placesOf returns the line of every key of a file.
func placesOf(source string, root *yaml.Node) places {
	all := make(places)
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		switch n.Kind {
		case yaml.DocumentNode:
			walk(path, n.Content[0])
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				inner := join(path, n.Content[i].Value)
				all[inner] = place{source, n.Content[i].Line}
				walk(inner, n.Content[i+1])
			}
		case yaml.SequenceNode:
			for i, item := range n.Content {
				inner := fmt.Sprintf("%s[%d]", path, i)
				all[inner] = place{source, item.Line}
				walk(inner, item)
			}
		}
	}
	walk("", root)
	return all
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// outer returns the path of what is around a key.
func outer(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

// pathOf returns the key that a fault begins with.
func pathOf(fault string) string {
	path, _, _ := strings.Cut(fault, ": ")
	return path
}

// located are faults with their places.
type located []locatedFault

type locatedFault struct {
	place place
	text  string
}

// locate puts its place to each fault: that of its key, or of the nearest key
// around it that is there, or the file as a whole.
func (p places) locate(source string, faults Faults) (all located) {
	for _, fault := range faults {
		where := place{source: source}
		for path := pathOf(fault); path != ""; path = outer(path) {
			if known, ok := p[path]; ok {
				where = known
				break
			}
		}
		all = append(all, locatedFault{where, fault})
	}
	return all
}

// inOrder returns the faults as people read them, in the order of the lines.
func (l located) inOrder() (faults Faults) {
	slices.SortStableFunc(l, func(a, b locatedFault) int {
		return cmp.Or(strings.Compare(a.place.source, b.place.source), a.place.line-b.place.line, strings.Compare(a.text, b.text))
	})
	for _, fault := range slices.Compact(l) {
		faults = append(faults, fmt.Sprintf("%s: %s", fault.place, fault.text))
	}
	return faults
}
