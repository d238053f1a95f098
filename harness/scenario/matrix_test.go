package scenario

import (
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

func on(id, row, driver string, status int) Scenario {
	return Scenario{
		ID: id, Row: row, Fault: "it is " + row, Remedy: "mend " + id, Gateway: lab.Gateway{Driver: gateway.Driver{Name: driver}},
		Expect: Expectation{Status: status, After: time.Minute, Log: []LogLine{{Level: "error", Text: "x"}}},
	}
}

func TestNewMatrix(t *testing.T) {
	some := []Scenario{on("a", "silent", "nginx", 504), on("b", "silent", "apache", 502), on("c", "refused", "nginx", 502), on("d", "other", "nginx", 200)}
	rows := []Row{{Name: "silent"}, {Name: "refused", Missing: map[string]string{"apache": "nobody has"}}}
	trials := Trials(some)
	m := NewMatrix(rows, some, []Column{{"nginx/1", "nginx", trials}, {"Apache", "apache", trials}})
	if len(m.Rows) != 2 || len(m.Rows[0].Cells) != 2 || m.Gateways[1] != "Apache" || !m.Proven() {
		t.Fatalf("%+v", m)
	}
	if c := m.Rows[0].Cells[1]; c.Scenario != "b" || c.Got.Status != 502 || c.Waited != time.Minute || c.Log[0] != "[error] x" || c.Remedy != "mend b" {
		t.Errorf("%+v", c)
	}
	if c := m.Rows[1].Cells[1]; c.Missing != "nobody has" || c.Got != nil || c.Unproven != "" {
		t.Errorf("%+v", c)
	}
	trials[0].Unproven = "failed"
	if m = NewMatrix(rows[:1], some, []Column{{"nginx", "nginx", trials}, {"apache", "apache", nil}}); m.Proven() ||
		m.Rows[0].Cells[0].Unproven != "failed" || m.Rows[0].Cells[1].Unproven == "" {
		t.Errorf("%+v", m)
	}
}

func TestMatrix_Differing(t *testing.T) {
	some := []Scenario{on("same", "same", "nginx", 502), on("status", "status", "nginx", 502), on("lost", "lost", "nginx", 502)}
	rows := []Row{{Name: "same"}, {Name: "status"}, {Name: "lost"}}
	older, newer := Trials(some), Trials(some)
	newer[1].Got.Status = 200
	newer[2].Unproven = "skipped"
	d := NewMatrix(rows, some, []Column{{"1.22", "nginx", older}, {"1.26", "nginx", newer}}).Differing()
	if len(d.Rows) != 2 || d.Rows[0].Name != "status" || d.Rows[1].Name != "lost" {
		t.Errorf("%+v", d.Rows)
	}
}
