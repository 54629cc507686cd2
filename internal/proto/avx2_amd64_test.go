package proto

// eachWay calls f for every way in which this machine can mask and check text.
func eachWay(f func(way string)) {
	can := avx2
	defer func() { avx2 = can }()
	if can {
		f("avx2")
		avx2 = false
	}
	f("plain")
}
