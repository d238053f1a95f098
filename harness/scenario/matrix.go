package scenario

import (
	"reflect"
	"slices"
	"time"
)

// A Row is one fault by which gateways are compared. Of each gateway there is one scenario whose [Scenario].Row it is, or a reason why there
// is none.
type Row struct {
	Name string `json:"row"`
	// Fault says what is broken.
	Fault string `json:"fault"`
	// Missing says, by the name of a gateway's driver, why there is no scenario of it.
	Missing map[string]string `json:"-"`
}

// A Column is one gateway of a comparison, or one version of it.
type Column struct {
	// Title is its name with the version, as far as that is known.
	Title string
	// Gateway is the name of its driver.
	Gateway string
	// Trials are what followed there.
	Trials []Trial
}

// A Matrix is what each gateway makes of each fault.
type Matrix struct {
	Gateways []string    `json:"gateways"`
	Rows     []MatrixRow `json:"rows"`
}

// A MatrixRow is what each gateway makes of one fault; its cells are in the order of [Matrix].Gateways.
type MatrixRow struct {
	Row
	Cells []Cell `json:"cells"`
}

// A Cell is what one gateway makes of one fault.
type Cell struct {
	Gateway string `json:"gateway"`
	// Scenario stages it; empty where none does, and Missing then says why.
	Scenario string `json:"scenario,omitempty"`
	// Fault is what is broken there, in that scenario's words.
	Fault   string `json:"fault,omitempty"`
	Missing string `json:"missing,omitempty"`
	// Got is what followed; nil where nothing is proven, and Unproven then says why.
	Got      *Expectation `json:"got,omitempty"`
	Unproven string       `json:"unproven,omitempty"`
	// Waited is how long the client waited.
	Waited time.Duration `json:"waited_ns"`
	// Log are the lines in the gateway's own words.
	Log []string `json:"log"`
	// Remedy is what mends it there.
	Remedy string `json:"remedy,omitempty"`
}

// NewMatrix is what followed in those of the scenarios that are in the rows.
func NewMatrix(rows []Row, some []Scenario, columns []Column) Matrix {
	var m Matrix
	for _, c := range columns {
		m.Gateways = append(m.Gateways, c.Title)
	}
	for _, r := range rows {
		row := MatrixRow{Row: r}
		for _, c := range columns {
			row.Cells = append(row.Cells, r.cell(some, c))
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

func (r Row) cell(some []Scenario, c Column) Cell {
	cell := Cell{Gateway: c.Title, Missing: r.Missing[c.Gateway], Log: []string{}}
	i := slices.IndexFunc(some, func(s Scenario) bool { return s.Row == r.Name && s.Gateway.Driver.Name == c.Gateway })
	if i < 0 {
		return cell
	}
	cell.Scenario, cell.Fault, cell.Remedy = some[i].ID, some[i].Fault, some[i].Remedy
	t := slices.IndexFunc(c.Trials, func(t Trial) bool { return t.Scenario == some[i].ID })
	switch {
	case t < 0:
		cell.Unproven = "it is not in the evidence"
	case c.Trials[t].Unproven != "":
		cell.Unproven = c.Trials[t].Unproven
	default:
		got := c.Trials[t].Got
		cell.Got, cell.Waited, cell.Log = &got, c.Trials[t].Waited, append(cell.Log, c.Trials[t].Log...)
	}
	return cell
}

// Proven reports whether each cell is, that a scenario stages.
func (m Matrix) Proven() bool {
	for _, r := range m.Rows {
		if slices.ContainsFunc(r.Cells, func(c Cell) bool { return c.Unproven != "" }) {
			return false
		}
	}
	return true
}

// Differing is the rows in which not all gateways do the same, by the status, the wait, the tries or the log; and those in which not all
// is proven.
func (m Matrix) Differing() Matrix {
	m.Rows = slices.DeleteFunc(slices.Clone(m.Rows), func(r MatrixRow) bool {
		return !slices.ContainsFunc(r.Cells, func(c Cell) bool {
			return c.Got == nil || r.Cells[0].Got == nil || !reflect.DeepEqual(c.Got, r.Cells[0].Got)
		})
	})
	return m
}
