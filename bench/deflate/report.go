package main

import (
	"fmt"
	"slices"
)

// median returns the middle of values; it sorts them.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// printRow prints a row of a table: the median of each library's values, and
// if it is relative, in parentheses how often the least of them it is.
func printRow(name, format string, relative bool, values [][]float64) {
	least := 0.0
	for _, v := range values {
		if len(v) > 0 && (least == 0 || median(v) < least) {
			least = median(v)
		}
	}
	fmt.Printf("| %s |", name)
	for _, v := range values {
		if len(v) == 0 {
			fmt.Print(" - |")
			continue
		}
		fmt.Printf(" "+format, median(v))
		if relative {
			fmt.Printf(" (%.2f)", median(v)/least)
		}
		fmt.Print(" |")
	}
	fmt.Println()
}

// printHead prints the head of a table.
func printHead(title string) {
	fmt.Printf("\n%s\n\n| |", title)
	for _, l := range libraries {
		fmt.Printf(" %s |", l.Name)
	}
	fmt.Print("\n|---")
	for range libraries {
		fmt.Print("|---")
	}
	fmt.Println("|")
}
