package saml

import (
	"errors"
	"strings"
	"testing"
)

// TestReadXML refuses all by which two readers could understand a document
// differently. SAML-1, A52.
func TestReadXML(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                "",
		"text":                   "hello",
		"document type":          `<!DOCTYPE a><a/>`,
		"external entity":        `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`,
		"entity bomb":            `<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]><a>&y;</a>`,
		"unknown entity":         `<a>&x;</a>`,
		"processing instruction": `<a><?php x?></a>`,
		"late declaration":       `<a/><?xml version="1.0"?>`,
		"comment in a value":     `<a>admin<!-- -->@example</a>`,
		"comment after a value":  `<a>admin<!-- --></a>`,
		"two elements":           `<a/><b/>`,
		"half":                   `<a><b></a>`,
		"crossed":                `<a><b></a></b>`,
		"text after it":          `<a/>x`,
		"not UTF-8":              "<a>\xff</a>",
		"another encoding":       `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`,
		"repeated attribute":     `<a b="1" b="2"/>`,
		"repeated ID":            `<a ID="x"><b ID="x"/></a>`,
		"repeated Id":            `<a ID="x"><b Id="x"/></a>`,
		"foreign ID":             `<a xmlns:x="u" x:ID="x"/>`,
		"deep":                   strings.Repeat("<a>", 33) + strings.Repeat("</a>", 33),
		"many":                   "<a>" + strings.Repeat("<b/>", 2500) + "</a>",
		"long":                   "<a>" + strings.Repeat("x", 64<<10) + "</a>",
		"does not come back":     `<a x:y:z="1"/>`,
		"colon":                  `<::a/>`,
	} {
		if root, err := readXML([]byte(text), messageLimits); err == nil {
			t.Errorf("%s: %v", name, root)
		} else if !errors.Is(err, errXML) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"declaration":      `<?xml version="1.0" encoding="UTF-8"?>` + "\n<a/>\n",
		"mark":             "\ufeff<a/>",
		"comment between":  `<a><!-- x --><b>y</b></a>`,
		"32 deep":          strings.Repeat("<a>", 32) + strings.Repeat("</a>", 32),
		"character data":   `<a><![CDATA[x]]></a>`,
		"known entity":     `<a b="&quot;">&amp;</a>`,
		"different spaces": `<a xmlns:x="u" b="1" x:b="2"/>`,
	} {
		if root, err := readXML([]byte(text), messageLimits); err != nil || root == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestText reads a value as a whole, whatever its parts are.
func TestText(t *testing.T) {
	root, err := readXML([]byte("<a>\n x&amp;<![CDATA[y]]> </a>"), messageLimits)
	if err != nil || text(root) != "x&y" {
		t.Errorf("%q, %v", text(root), err)
	}
}
