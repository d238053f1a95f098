package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestBadChunk(t *testing.T) {
	t.Parallel()
	const good = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n"
	for fault, want := range map[ChunkFault]string{
		ChunkSize:     "xyz\r\nabc\r\n0\r\n\r\n",
		ChunkNoSize:   "\r\nabc\r\n0\r\n\r\n",
		ChunkNegative: "-1\r\nabc\r\n0\r\n\r\n",
		ChunkHuge:     "FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
		ChunkShort:    "a\r\nabc",
		ChunkNoEnd:    "3\r\nabc0\r\n\r\n",
		ChunkNoLast:   "",
		ChunkTrailer:  "0\r\nthis is no field\r\n\r\n",
	} {
		t.Run(string(fault), func(t *testing.T) {
			got, how := exchangeAll(t, httpWith(t, BadChunk{Fault: fault}), getRoot)
			NewWithT(t).Expect(got).To(Equal(good + want))
			NewWithT(t).Expect(how).To(Equal(fin))
		})
	}
}
