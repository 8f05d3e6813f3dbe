package saml

import (
	"regexp"
	"strconv"
	"time"
)

var durationForm = regexp.MustCompile(`^P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?$`)

// duration reads a length of time of XML Schema. A month has 30 days, a year 365:
// what it is used for is a wish.
func duration(value string) (d time.Duration, err error) {
	parts := durationForm.FindStringSubmatch(value)
	if parts == nil {
		return 0, refuseXML("a duration")
	}
	const day = 24 * time.Hour
	for i, unit := range []time.Duration{365 * day, 30 * day, day, time.Hour, time.Minute, time.Second} {
		if n, err := strconv.Atoi(parts[i+1]); err == nil {
			d += time.Duration(min(n, int(10*365*day/unit))) * unit
		}
	}
	return d, nil
}
