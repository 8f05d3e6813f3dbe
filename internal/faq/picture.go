package faq

import "embed"

// Pictures are of the product's own screens: the stories of test/e2e make them,
// and fail where the words of a screen are not those of its picture any more.
//
//go:embed pictures/*.webp
var pictures embed.FS

func hasPicture(file string) bool {
	content, err := pictures.Open("pictures/" + file)
	if err != nil {
		return false
	}
	_ = content.Close()
	return true
}
