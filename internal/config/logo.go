package config

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

const (
	maxLogo   = 30 << 10 // bytes
	pngHeader = "\x89PNG\r\n\x1a\n"
	svgSpace  = "http://www.w3.org/2000/svg"
)

// checkLogo says what is wrong with the file of the logo. An SVG file is shown
// as an image, which does nothing, and yet anybody may open it alone.
func checkLogo(name string) error {
	if name == "" {
		return nil
	}
	content, err := os.ReadFile(name)
	switch {
	case err != nil:
		return err
	case len(content) > maxLogo:
		return fmt.Errorf("%d bytes are more than %d", len(content), maxLogo)
	case strings.HasSuffix(name, ".png") && strings.HasPrefix(string(content), pngHeader):
		return nil
	case strings.HasSuffix(name, ".svg"):
		return checkSVG(content)
	default:
		return errors.New("must be an SVG or PNG file")
	}
}

// checkSVG refuses what a picture does not need. It reads the file as a browser
// does, so that neither a prefix nor an escape hides anything.
func checkSVG(content []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(content))
	root := true
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && !root {
			return nil
		}
		if err != nil {
			return fmt.Errorf("is no SVG file: %w", err)
		}
		if start, ok := token.(xml.StartElement); ok && root {
			if start.Name != (xml.Name{Space: svgSpace, Local: "svg"}) {
				return fmt.Errorf("is no SVG file: it begins with %q in the namespace %q", start.Name.Local, start.Name.Space)
			}
			root = false
		}
		if problem := active(token); problem != "" { //guard:WEB-6
			return fmt.Errorf("has %s; an SVG logo may not have scripts, animations, or anything from elsewhere", problem)
		}
	}
}

// activeElements run scripts, change other elements, or bring in other content.
var activeElements = []string{"a", "animate", "animatecolor", "animatemotion", "animatetransform", "audio", "embed", "feimage",
	"foreignobject", "handler", "iframe", "image", "listener", "object", "script", "set", "video"}

// elsewhere is a reference in a style or a value to anything but a part of the
// same file. A backslash could spell one.
var elsewhere = regexp.MustCompile(`(?i)\\|@import|url\(\s*["']?\s*[^#"'\s]|(image|image-set|src)\(|javascript:`)

// active names what a token has that could do something.
func active(token xml.Token) string {
	switch t := token.(type) {
	case xml.Directive:
		return "a DOCTYPE"
	case xml.ProcInst:
		if t.Target != "xml" {
			return fmt.Sprintf("<?%s", t.Target)
		}
	case xml.CharData:
		if found := elsewhere.Find(t); found != nil {
			return fmt.Sprintf("%q", found)
		}
	case xml.StartElement:
		if slices.Contains(activeElements, strings.ToLower(t.Name.Local)) {
			return fmt.Sprintf("<%s>", t.Name.Local)
		}
		for _, a := range t.Attr {
			if activeAttribute(a) {
				return fmt.Sprintf("%s=%q", a.Name.Local, a.Value)
			}
		}
	}
	return ""
}

func activeAttribute(a xml.Attr) bool {
	name := strings.ToLower(a.Name.Local)
	switch {
	case strings.HasPrefix(name, "on"), name == "base":
		return true
	case name == "href", name == "src":
		return !strings.HasPrefix(a.Value, "#")
	default:
		return elsewhere.MatchString(a.Value)
	}
}
