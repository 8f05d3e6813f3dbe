package federation

import (
	"encoding/json"
	"fmt"
	"time"
)

// Age is a length of time that is written in JSON as in YAML: 90s, 1h. What a
// command prints can so be read again as a file.
type Age time.Duration

// MarshalText writes the age.
func (a Age) MarshalText() ([]byte, error) { return []byte(time.Duration(a).String()), nil }

// UnmarshalYAML reads an age as the configuration reads every length of time.
func (a *Age) UnmarshalYAML(unmarshal func(any) error) error { return unmarshal((*time.Duration)(a)) }

// UnmarshalJSON also takes a number of nanoseconds, as definitions are stored that
// were made before ages were written.
func (a *Age) UnmarshalJSON(text []byte) error {
	var number int64
	if json.Unmarshal(text, &number) == nil {
		*a = Age(number)
		return nil
	}
	var written string
	if err := json.Unmarshal(text, &written); err != nil {
		return fmt.Errorf("federation: age: %w", err)
	}
	d, err := time.ParseDuration(written)
	*a = Age(d)
	return err
}
