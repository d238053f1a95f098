package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// What a stored report may hold. A catalogue of 209 runs is a file of 2 MB, in which no evidence has 20 KB.
const (
	MaxSize     = 32 << 20  // of a whole file
	maxEvidence = 4 << 20   // bytes of one scenario object
	maxValues   = 200_000   // JSON values in one object, each of which may take a hundred times its text in memory
	maxAll      = 2_000_000 // values in a whole file
	maxExpected = 50        // log lines that are expected
	maxLines    = 1000      // log lines of one exchange
	maxLine     = 64 << 10  // bytes of one part of a log line
)

// A Stored is what a file of stored evidence holds, as it is said there.
type Stored struct {
	// Run is the head of a run's report; empty where the file has lines of scenarios only.
	Run      Run
	Evidence []scenario.Evidence
	// Counts are the verdicts that a run's report counts; nil where the file has none.
	Counts *Counts
}

// Counts are how many of the scenarios of a run have which verdict.
type Counts struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
}

func (c Counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
}

// Read reads what [JSON] wrote, or lines that [Line] wrote, at most [MaxSize] bytes of it. The verdicts are those of the file:
// [scenario.JudgeAll] says what follows from the rest, and [Contradictions] where the two differ.
func Read(data []byte) (Stored, error) {
	var s Stored
	if len(data) > MaxSize {
		return s, fmt.Errorf("there are %d bytes, and %d are read at most", len(data), MaxSize)
	}
	if values(data) > maxAll {
		return s, fmt.Errorf("there are more than %d values in it", maxAll)
	}
	all := json.NewDecoder(bytes.NewReader(data))
	for n := 0; ; n++ {
		var object json.RawMessage
		err := all.Decode(&object)
		if err == io.EOF && n > 0 {
			return s, nil
		}
		if err != nil {
			return Stored{}, malformed(err, all.InputOffset(), len(data))
		}
		if err := s.add(object); err != nil {
			return Stored{}, err
		}
	}
}

// add takes one object of a file.
func (s *Stored) add(object json.RawMessage) error {
	var head struct {
		Schema string `json:"schema"`
		Counts
		Run       Run               `json:"run"`
		Scenarios []json.RawMessage `json:"scenarios"`
	}
	if err := json.Unmarshal(object, &head); err != nil {
		return fmt.Errorf("this is no report of a run: %w", cleanError(err))
	}
	switch {
	case head.Schema == ScenarioSchema && s.Counts == nil:
		return s.addEvidence(object)
	case head.Schema == RunSchema && s.Counts == nil && len(s.Evidence) == 0:
		s.Run, s.Counts = head.Run, &head.Counts
		for _, one := range head.Scenarios {
			if err := s.addEvidence(one); err != nil {
				return err
			}
		}
		return nil
	case head.Schema == RunSchema || head.Schema == ScenarioSchema:
		return errors.New("it holds more than one run: a file has one report, or lines of run --json")
	}
	return wrongSchema(head.Schema)
}

// wrongSchema says what is wrong with a schema that is not read.
func wrongSchema(schema string) error {
	schema = terminal.OneLine(schema)
	for _, ours := range []string{RunSchema, ScenarioSchema} {
		kind, version, _ := strings.Cut(ours, "/")
		if its, ok := strings.CutPrefix(schema, kind+"/"); ok {
			return fmt.Errorf("its schema is %s, and this badgateway judges version %s: run the scenarios again", kind+"/"+its, version)
		}
	}
	if schema == "" {
		return fmt.Errorf("it names no schema: evidence.json of run --reports has %q", RunSchema)
	}
	return fmt.Errorf("its schema is %q: evidence.json of run --reports has %q", schema, RunSchema)
}

func (s *Stored) addEvidence(object json.RawMessage) error {
	e, err := readEvidence(object)
	if err != nil {
		which := fmt.Sprintf("scenario %d", len(s.Evidence)+1)
		if e.Scenario != "" {
			which += ", " + terminal.OneLine(name(e)) + ","
		}
		return fmt.Errorf("%s %w", which, err)
	}
	s.Evidence = append(s.Evidence, e)
	return nil
}

func readEvidence(object json.RawMessage) (e scenario.Evidence, err error) {
	if len(object) > maxEvidence {
		return e, fmt.Errorf("has %d bytes, and %d are read at most", len(object), maxEvidence)
	}
	if values(object) > maxValues {
		return e, fmt.Errorf("has more than %d values", maxValues)
	}
	if err := json.Unmarshal(object, &e); err != nil {
		return e, fmt.Errorf("is not as it should be: %w", cleanError(err))
	}
	return e, plausible(e)
}

// values bounds the number of values in a JSON text.
func values(text []byte) int {
	n, quoted, escaped := 1, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '{' || c == '['):
			n++
		}
	}
	return n
}

// plausible says what an evidence lacks, or has too much of, to be judged.
func plausible(e scenario.Evidence) error {
	switch e.Verdict {
	case scenario.Passed, scenario.Failed, scenario.Error, scenario.Skipped:
	default:
		return fmt.Errorf("has the verdict %q: it is passed, failed, error or skipped", terminal.OneLine(e.Verdict))
	}
	switch {
	case e.Scenario == "":
		return errors.New("has no name")
	case e.Variant != scenario.Fake && e.Variant != scenario.Real:
		return fmt.Errorf("has the variant %q: it is real or fake", terminal.OneLine(string(e.Variant)))
	case e.Expected.Status == 0 && e.Expected.NoAnswer == "":
		return errors.New("does not say what was expected")
	case len(e.Expected.Log) > maxExpected:
		return fmt.Errorf("expects %d log lines, and %d are read at most", len(e.Expected.Log), maxExpected)
	}
	for _, x := range []struct {
		when string
		log  int
	}{{"before the fault", len(e.Healthy.Log)}, {"under the fault", len(e.Broken.Log)}, {"after the remedy", len(e.Recovered.Log)}} {
		if x.log > maxLines {
			return fmt.Errorf("has %d log lines %s, and %d are read at most", x.log, x.when, maxLines)
		}
	}
	for _, l := range e.Broken.Log {
		if max(len(l.Code), len(l.Message), len(l.ErrnoText), len(l.Server), len(l.Request), len(l.Upstream), len(l.Host)) > maxLine {
			return fmt.Errorf("has a log line with a part of more than %d bytes", maxLine)
		}
	}
	return nil
}

// malformed says what is wrong with a text that is no JSON.
func malformed(err error, at int64, size int) error {
	switch {
	case size == 0 || err == io.EOF:
		return errors.New("it is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("it ends in the middle, after %d bytes: it was cut off", size)
	}
	return fmt.Errorf("it is no JSON, in what follows byte %d: %w", at, cleanError(err))
}

// cleanError is an error about JSON as it may be printed: it may name what the file holds.
func cleanError(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		field := strings.ReplaceAll(wrong.Field, ".Expectation", "") // which the JSON does not have
		return fmt.Errorf("%s can't be %s", terminal.OneLine(field), terminal.OneLine(wrong.Value))
	}
	return errors.New(terminal.OneLine(err.Error()))
}

// Contradictions says where what a file says of its evidence is not what follows from it. Judged is [scenario.JudgeAll] of the
// file's evidence.
func (s Stored) Contradictions(judged []scenario.Evidence) []string {
	var all []string
	for i, e := range s.Evidence {
		if is := judged[i]; is.Verdict != e.Verdict {
			text := fmt.Sprintf("%s is told as %s, and its evidence says %s", terminal.OneLine(name(e)), e.Verdict, is.Verdict)
			if is.Verdict != scenario.Passed {
				text += " (" + terminal.OneLine(why(is)) + ")"
			}
			all = append(all, text)
		}
	}
	if s.Counts != nil {
		var told Counts
		told.Passed, told.Failed, told.Skipped = Count(s.Evidence)
		if told != *s.Counts {
			all = append(all, fmt.Sprintf("it counts %v, and holds %v", *s.Counts, told))
		}
	}
	return all
}
