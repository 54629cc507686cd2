//go:build long

package poll

import "time"

// stressTime is how long TestStress lasts.
const stressTime = 30 * time.Second
