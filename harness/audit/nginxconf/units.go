package nginxconf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// units of time, the largest first, as nginx wants them ordered. https://nginx.org/en/docs/syntax.html
var units = [...]struct {
	name string
	unit time.Duration
}{
	{"y", 365 * 24 * time.Hour}, {"M", 30 * 24 * time.Hour}, {"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour},
	{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond},
}

// Duration reads nginx's notation of time ("60s", "1m30s", "1h 5m", "500ms"); a number without a unit is seconds.
func Duration(text string) (time.Duration, error) {
	bad := func(why string) (time.Duration, error) {
		return 0, fmt.Errorf("time %q: %s; nginx's notation is for example 60s, 500ms or 1m30s", text, why)
	}
	var sum time.Duration
	last := -1 // the index of the unit before
	for left := text; ; {
		left = strings.TrimLeft(left, " ")
		if left == "" {
			if last < 0 {
				return bad("empty")
			}
			return sum, nil
		}
		digits := 0
		for digits < len(left) && left[digits] >= '0' && left[digits] <= '9' {
			digits++
		}
		n, err := strconv.ParseInt(left[:digits], 10, 64)
		if err != nil {
			return bad("no number")
		}
		left = left[digits:]
		which := len(units) - 2 // seconds
		width := 0
		for i, u := range units {
			if strings.HasPrefix(left, u.name) && len(u.name) > width {
				which, width = i, len(u.name)
			}
		}
		if width == 0 && left != "" && left[0] != ' ' {
			return bad("unknown unit")
		}
		if which <= last {
			return bad("units out of order")
		}
		last, left = which, left[width:]
		if n > int64(math.MaxInt64-sum)/int64(units[which].unit) {
			return bad("too long")
		}
		sum += time.Duration(n) * units[which].unit
	}
}

// Size reads nginx's notation of sizes ("512", "4k", "1m", "1g"), in bytes.
func Size(text string) (int64, error) {
	factor, digits := int64(1), text
	if text != "" {
		switch text[len(text)-1] {
		case 'k', 'K':
			factor = 1 << 10
		case 'm', 'M':
			factor = 1 << 20
		case 'g', 'G':
			factor = 1 << 30
		}
		if factor > 1 {
			digits = text[:len(text)-1]
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return 0, fmt.Errorf("size %q: nginx's notation is for example 512, 4k or 1m", text)
	}
	return n * factor, nil
}
