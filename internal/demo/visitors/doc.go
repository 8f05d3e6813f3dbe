// Package visitors is what the services of the demonstration have in common, which
// has nothing to do with a protocol: the browsers that visit them, whom each of
// them is signed in as, and the one page that shows it. It knows nothing of the
// server either.
package visitors
