package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

var units = map[string]int64{
	"":    1,
	"b":   1,
	"kb":  1e3,
	"mb":  1e6,
	"gb":  1e9,
	"kib": 1 << 10,
	"mib": 1 << 20,
	"gib": 1 << 30,
}

// parseSize reads a number of bytes such as 65536, 1MB (10^6) or 16MiB (2^24).
func parseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit, known := units[strings.ToLower(strings.TrimSpace(s[len(digits):]))]
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && known && n > math.MaxInt64/unit:
		return 0, errors.New("that is more than can be counted")
	case err != nil || !known || n <= 0:
		return 0, errors.New("a size above 0 is wanted, such as 65536, 1MB or 16MiB")
	}
	return n * unit, nil
}
