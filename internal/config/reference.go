package config

import _ "embed"

//go:embed example.yaml
var example string

//go:embed reference.md
var reference string

// Example returns a commented first file. It is complete once every CHANGE-ME
// is replaced.
func Example() string { return example }

// Reference returns what every key means, in Markdown. A test makes it from the
// structs, and holds it to them.
func Reference() string { return reference }
