package config

import (
	"strings"
	"testing"
)

// TestSVG refuses pictures that could do something. WEB-6.
func TestSVG(t *testing.T) {
	svg := func(inner string) string { return `<svg xmlns="` + svgSpace + `">` + inner + `</svg>` }
	for name, test := range map[string]struct {
		content string
		good    bool
	}{
		"a path.svg":        {svg(`<path d="M0 0"/>`), true},
		"declared.svg":      {`<?xml version="1.0" encoding="UTF-8"?><!-- on="x" -->` + svg(``), true},
		"own gradient.svg":  {svg(`<linearGradient id="a"/><path fill="url(#a)"/><use href="#a"/><style>.a{fill:url('#a')}</style>`), true},
		"prefix.svg":        {`<s:svg xmlns:s="` + svgSpace + `"><s:script>1</s:script></s:svg>`, false},
		"script.svg":        {svg(`<script>alert(1)</script>`), false},
		"handler.svg":       {`<svg xmlns="` + svgSpace + `" onload="x()"/>`, false},
		"foreign.svg":       {svg(`<foreignObject/>`), false},
		"animated.svg":      {svg(`<set attributeName="href" to="x"/>`), false},
		"doctype.svg":       {`<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + svg(`&x;`), false},
		"link.svg":          {svg(`<a href="https://evil.example"/>`), false},
		"image.svg":         {svg(`<image xlink:href="https://evil.example"/>`), false},
		"use.svg":           {svg(`<use xmlns:x="http://www.w3.org/1999/xlink" x:href="https://evil.example#a"/>`), false},
		"fill.svg":          {svg(`<path fill="url( 'https://evil.example/#a')"/>`), false},
		"import.svg":        {svg(`<style>@import "https://evil.example";</style>`), false},
		"escaped style.svg": {svg(`<style>a{fill:u\72l(https://evil.example)}</style>`), false},
		"base.svg":          {svg(`<g xml:base="https://evil.example"><use href="#a"/></g>`), false},
		"escaped.svg":       {svg(`<g href="java&#115;cript:x()"/>`), false},
		"stylesheet.svg":    {`<?xml-stylesheet href="https://evil.example"?>` + svg(``), false},
		"half.svg":          {`<svg xmlns="` + svgSpace + `"><path`, false},
		"empty.svg":         {``, false},
		"html.svg":          {`<html xmlns="http://www.w3.org/1999/xhtml"/>`, false},
		"no namespace.svg":  {`<svg/>`, false},
		"utf-16.svg":        {"\xfe\xff\x00<\x00s\x00v\x00g", false},
		"png.png":           {pngHeader + "rest", true},
		"svg.png":           {svg(``), false},
		"jpeg.jpg":          {"\xff\xd8\xff", false},
		"large.svg":         {svg(strings.Repeat(" ", maxLogo)), false},
	} {
		if err := checkLogo(write(t, name, test.content)); (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
