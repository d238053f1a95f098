package fakeupstream

// FastCGIBadRecord answers with records that break FastCGI 1.0, section 3.3. On a connection of Any
// that speaks something else it is Garbage.
type FastCGIBadRecord struct {
	// Fault is what is wrong; it must be given.
	Fault RecordFault `json:"fault,omitempty"`
	// End is how the connection ends; empty means EndClose.
	End Ending `json:"end,omitempty"`
	// Answer is what is sent in the records.
	Answer Well `json:"answer,omitzero"`
}

// RecordFault is a way in which records are wrong.
type RecordFault string

// The record faults.
const (
	RecordVersion   RecordFault = "version"    // every record has version 2
	RecordRequestID RecordFault = "request-id" // every record is for the next request id
	RecordType      RecordFault = "type"       // a record of type 200, then the answer
	RecordTruncated RecordFault = "truncated"  // the last record is cut off in its content
	RecordNoStdout  RecordFault = "stdin"      // the output comes in STDIN records
)

func (b FastCGIBadRecord) String() string {
	return "bad FastCGI record: " + string(b.Fault) + b.End.then(EndClose)
}

func (b FastCGIBadRecord) ending() Ending { return b.End }

func (b FastCGIBadRecord) Check(on Endpoint) error {
	return first(on.only(FastCGI),
		required("fault", b.Fault, RecordVersion, RecordRequestID, RecordType, RecordTruncated, RecordNoStdout),
		b.End.check(on), b.Answer.checkAnswer(on))
}

func (b FastCGIBadRecord) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	if x.lang.protocol() != FastCGI {
		return Garbage{End: b.End}.Serve(x)
	}
	id, kind := x.req.id, byte(fcgiStdout)
	var lead []byte
	switch b.Fault {
	case RecordRequestID:
		id++
	case RecordType:
		lead = appendRecord(nil, 200, id, []byte("what is this?"))
	case RecordNoStdout:
		kind = fcgiStdin
	}
	w := b.Answer
	content := append(x.head(&w), w.all()...)
	records := appendStream(lead, kind, id, content)
	if b.Fault == RecordTruncated {
		// What is cut off is the padding and the last byte of the content, at least.
		return x.sendAndEnd(records[:len(records)-8], b.End)
	}
	records = appendEnd(appendRecord(records, kind, id, nil), id, 0, fcgiComplete)
	if b.Fault == RecordVersion {
		eachRecord(records, func(record []byte) { record[0] = 2 })
	}
	return x.sendAndEnd(records, b.End)
}

// all is the whole body, for answers that are put together in one go.
func (w *Well) all() []byte {
	var b []byte
	for n := w.size(); int64(len(b)) < n; {
		b = append(b, w.piece(int64(len(b)), n)...)
	}
	return b
}

// eachRecord calls f with each record of b.
func eachRecord(b []byte, f func(record []byte)) {
	for len(b) >= 8 {
		n := min(8+int(b[4])<<8+int(b[5])+int(b[6]), len(b))
		f(b[:n])
		b = b[n:]
	}
}
