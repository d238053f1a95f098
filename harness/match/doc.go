// Package match has Gomega matchers for what a gateway answered and logged. They read the harness's evidence, and where
// that makes sense anybody's: an *http.Response, or the text of a gateway's error log.
//
//	Expect(broken).To(match.HaveStatus(502))
//	Expect(broken).To(match.HaveLogLine("connect() failed", match.Errno(111)))
//	Expect(broken).To(match.HaveWaited(60 * time.Second))
//
// Where a matcher takes an exchange, it takes a [lab.Exchange] or a [scenario.Evidence] (then the exchange under the
// fault), or a pointer to one. A failure tells who asked what, what was expected, what came, and what the log said.
package match
