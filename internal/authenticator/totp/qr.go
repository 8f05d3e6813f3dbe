package totp

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the width of the white border of a QR code, in modules
// (ISO/IEC 18004 §6.3.8).
const quiet = 4

// QR is a QR code as the attributes of an SVG: a view box of Size modules, and
// one path of all black ones.
type QR struct {
	Size int
	Path string
}

// NewQR returns the QR code of a text, with error correction M and a quiet zone.
// A text that is too long for a QR code is an error.
func NewQR(text string) (QR, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return QR{}, fmt.Errorf("totp: QR code: %w", err)
	}
	width := code.Bounds().Dx()
	var path strings.Builder
	for y := range width {
		for x := 0; x < width; x++ {
			if code.At(x, y) != color.Black {
				continue
			}
			begin := x
			for x < width && code.At(x, y) == color.Black {
				x++
			}
			fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", begin+quiet, y+quiet, x-begin, x-begin)
		}
	}
	return QR{Size: width + 2*quiet, Path: path.String()}, nil
}
