package web

import (
	"errors"
	"fmt"
	"html/template"
	"math"
	"regexp"
	"strconv"

	"warifu/internal/i18n"
)

// Brand is how an institution looks: its words, its colours, its logo.
type Brand struct {
	Text             map[i18n.Lang]BrandText
	ColorPrimary     string // "#rrggbb": links and buttons on white
	ColorPrimaryDark string // the same on [darkGround]
	Logo             []byte // SVG or PNG; none if empty
	LogoType         string // ".svg" or ".png"
}

// BrandText is what the frame of a page shows of an institution, in one language.
type BrandText struct {
	Institution string       // its name
	App         string       // name of this system
	LogoAlt     string       // what the logo shows
	HasLogo     bool         // there is a logo to show
	Telephone   string       // of the help desk
	Extension   bool         // it has one
	Phone       template.URL // tel: address
}

// The grounds that the colours of an institution stand on.
const (
	lightGround = "#ffffff"
	darkGround  = "#1a1a1a"
	minContrast = 4.5 // of text, WCAG 2.2 criterion 1.4.3
)

// Default colours, after the Digital Agency Design System.
const (
	DefaultPrimary     = "#0017c1"
	DefaultPrimaryDark = "#9db7f9"
)

// CheckColors returns what is wrong with the two colours of an institution.
func CheckColors(light, dark string) error {
	return errors.Join(checkColor(light, lightGround), checkColor(dark, darkGround))
}

func checkColor(color, ground string) error {
	c, err := parseColor(color)
	if err != nil {
		return err
	}
	g, _ := parseColor(ground)
	if ratio := contrast(c, g); ratio < minContrast {
		return fmt.Errorf("color %s has contrast %.1f:1 on %s and needs %.1f:1; the nearest that passes is %s",
			color, ratio, ground, minContrast, nearest(c, g))
	}
	return nil
}

type rgb [3]float64 // each from 0 to 255

var hexColor = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func parseColor(text string) (c rgb, err error) {
	if !hexColor.MatchString(text) {
		return c, fmt.Errorf("color %q is not of the form #rrggbb", text)
	}
	for i := range c {
		part, err := strconv.ParseUint(text[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return c, err
		}
		c[i] = float64(part)
	}
	return c, nil
}

func (c rgb) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0])), int(math.Round(c[1])), int(math.Round(c[2])))
}

// contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b rgb) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2, from 0 to 1.
func luminance(c rgb) float64 {
	var sum float64
	for i, weight := range [...]float64{0.2126, 0.7152, 0.0722} {
		v := c[i] / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

// nearest moves c away from the ground until its contrast suffices.
func nearest(c, ground rgb) rgb {
	target := rgb{0, 0, 0}
	if luminance(ground) < 0.5 {
		target = rgb{255, 255, 255}
	}
	for step := 1; step <= 100; step++ {
		if mixed := mix(c, target, float64(step)/100); contrast(rounded(mixed), ground) >= minContrast {
			return rounded(mixed)
		}
	}
	return target
}

func mix(a, b rgb, share float64) (c rgb) {
	for i := range c {
		c[i] = a[i] + (b[i]-a[i])*share
	}
	return c
}

func rounded(c rgb) rgb { return rgb{math.Round(c[0]), math.Round(c[1]), math.Round(c[2])} }

// stylesheet sets the institution's colours over those of style.css. The
// colours have been checked before.
func (b Brand) stylesheet() []byte {
	light, errLight := parseColor(b.ColorPrimary)
	dark, errDark := parseColor(b.ColorPrimaryDark)
	if errLight != nil || errDark != nil {
		return []byte("/* the built-in colours */\n")
	}
	hover := func(c, towards rgb) rgb { return rounded(mix(c, towards, 0.3)) }
	return fmt.Appendf(nil, ":root{--link:%s;--link-h:%s}\n@media (prefers-color-scheme:dark){:root{--link:%s;--link-h:%s}}\n",
		light, hover(light, rgb{0, 0, 0}), dark, hover(dark, rgb{255, 255, 255}))
}
