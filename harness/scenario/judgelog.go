package scenario

import (
	"strings"

	"github.com/badgateway/badgateway/harness/gateway"
)

// noLine stands where one side has no log line.
const noLine = "no further line"

// judgeLog compares the lines one to one, in order. Lines that agree are found first, so that one missing line does not
// make all that follow it differ; what is left between them is then reported pair by pair.
func judgeLog(want []LogLine, got []gateway.LogRecord) []Difference {
	var all []Difference
	tell := func(want []LogLine, got []gateway.LogRecord) {
		for i := range max(len(want), len(got)) {
			switch {
			case i >= len(want):
				all = append(all, Difference{What: "log", Want: noLine, Got: got[i].String()})
			case i >= len(got):
				all = append(all, Difference{What: "log", Want: want[i].String(), Got: noLine})
			default:
				why := strings.Join(want[i].Differs(got[i]), "; ")
				all = append(all, Difference{What: "log", Want: want[i].String(), Got: got[i].String() + " - " + why})
			}
		}
	}
	w, g := 0, 0
	for _, pair := range agreeing(want, got) {
		tell(want[w:pair[0]], got[g:pair[1]])
		w, g = pair[0]+1, pair[1]+1
	}
	tell(want[w:], got[g:])
	return all
}

// agreeing returns the longest series of pairs, an expected line's place and a line's place, that agree in order.
func agreeing(want []LogLine, got []gateway.LogRecord) [][2]int {
	same := make([][]bool, len(want))
	length := make([][]int, len(want)+1) // of the series that begins at [w][g] or later
	length[len(want)] = make([]int, len(got)+1)
	for w := len(want) - 1; w >= 0; w-- {
		same[w], length[w] = make([]bool, len(got)), make([]int, len(got)+1)
		for g := len(got) - 1; g >= 0; g-- {
			same[w][g] = len(want[w].Differs(got[g])) == 0
			length[w][g] = max(length[w+1][g], length[w][g+1])
			if same[w][g] {
				length[w][g] = max(length[w][g], length[w+1][g+1]+1)
			}
		}
	}
	var pairs [][2]int
	for w, g := 0, 0; w < len(want) && g < len(got); {
		switch {
		case same[w][g] && length[w][g] == length[w+1][g+1]+1:
			pairs = append(pairs, [2]int{w, g})
			w, g = w+1, g+1
		case length[w+1][g] >= length[w][g+1]:
			w++
		default:
			g++
		}
	}
	return pairs
}
