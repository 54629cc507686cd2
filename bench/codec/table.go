package main

import "fmt"

// cell measures one cell of a table. The ratio is 0 where it means nothing.
type cell func() (c cost, ratio float64, err error)

// row is a way of doing it, with a cell for each size of message.
type row struct {
	name  string
	cells []cell
}

// printTable measures a table several times over, so that what disturbs one pass does
// not disturb all of a cell's, and prints the cheapest.
func printTable(title string, passes int, rows []row) error {
	costs := make([][]cost, len(rows))
	ratios := make([][]float64, len(rows))
	for pass := range passes {
		for i, r := range rows {
			if pass == 0 {
				costs[i], ratios[i] = make([]cost, len(r.cells)), make([]float64, len(r.cells))
			}
			for j, measure := range r.cells {
				c, ratio, err := measure()
				if err != nil {
					return fmt.Errorf("%s, %s: %w", r.name, size(sizes[j]), err)
				}
				if pass == 0 || c.us < costs[i][j].us {
					costs[i][j] = c
				}
				ratios[i][j] = ratio
			}
		}
	}
	fmt.Printf("\n%s\n\n| |", title)
	for _, n := range sizes {
		fmt.Printf(" %s |", size(n))
	}
	fmt.Print("\n|---")
	for range sizes {
		fmt.Print("|---")
	}
	fmt.Println("|")
	for i, r := range rows {
		fmt.Printf("| %s |", r.name)
		for j := range r.cells {
			fmt.Printf(" %.1f", costs[i][j].us)
			if ratios[i][j] > 0 {
				fmt.Printf(" (%.2f)", ratios[i][j])
			}
			if n := costs[i][j].allocs; n > 0.5 {
				fmt.Printf(" %.0f a", n)
			}
			fmt.Print(" |")
		}
		fmt.Println()
	}
	return nil
}
