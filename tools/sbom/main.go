// Command sbom prints what a Go program was linked from, as it says itself: a
// bill of materials in CycloneDX 1.6. The same program gives the same text.
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime/debug"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: sbom PROGRAM")
	}
	info, err := buildinfo.ReadFile(args[0])
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(describe(info))
}

// bill is the part of CycloneDX 1.6 that is used. It has neither time nor serial
// number, which would differ each time.
type bill struct {
	Format      string      `json:"bomFormat"`
	SpecVersion string      `json:"specVersion"`
	Version     int         `json:"version"`
	Metadata    metadata    `json:"metadata"`
	Components  []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func describe(info *debug.BuildInfo) bill {
	program := of("application", info.Main.Path, info.Main.Version)
	program.Name = path.Base(info.Path)
	for _, s := range info.Settings {
		program.Properties = append(program.Properties, property{"go:build:" + s.Key, s.Value})
	}
	standard := of("library", "std", strings.TrimPrefix(info.GoVersion, "go"))
	all := []component{standard}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		library := of("library", m.Path, m.Version)
		library.Properties = []property{{"go:sum", m.Sum}}
		all = append(all, library)
	}
	return bill{Format: "CycloneDX", SpecVersion: "1.6", Version: 1, Metadata: metadata{program}, Components: all}
}

func of(kind, module, version string) component {
	purl := packageURL(module, version)
	return component{Type: kind, Ref: purl, Name: module, Version: version, PURL: purl}
}

// packageURL returns the package URL of a module, whose type golang wants small
// letters (purl-spec, PURL-TYPES).
func packageURL(module, version string) string {
	return "pkg:golang/" + strings.ToLower(module) + "@" + strings.ReplaceAll(version, "+", "%2B")
}
