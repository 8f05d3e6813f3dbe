// Package faq answers the questions of people who are stuck: public pages, in
// Japanese and English, that are read without signing in.
//
//	articles/<slug>.<lang>.md ─parse─▶ Article ─▶ Library ─▶ /faq, /faq/{slug}
//	folder of the institution ─┘                    └─▶ Index ─▶ /faq?q=
//
// What must stay true:
//   - An entry is text: nothing in a file becomes markup that this package does
//     not know, whoever wrote it.
//   - Words of buttons and messages come from the catalogue by their key, so that
//     an entry cannot differ from the screens.
//   - A library is never changed. A new one takes its place when files change; a
//     file with faults leaves the entry as it was.
//   - A search takes time in proportion to its query and to the entries that have
//     its words, whatever is typed.
package faq
