package oidc_test

import (
	"testing"

	"warifu/internal/store/storetest"
)

// onBothEngines runs a test on SQLite and on PostgreSQL.
func onBothEngines(t *testing.T, test func(t *testing.T, w *world)) {
	storetest.Each(t, func(t *testing.T, newURL func(t *testing.T) string) { test(t, newWorldAt(t, newURL(t))) })
}
