package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestRaw(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	got, how := exchangeAll(t, httpWith(t, Raw{Text: "any\x00thing"}), getRoot)
	g.Expect(got).To(Equal("any\x00thing"))
	g.Expect(how).To(Equal(fin))
	got, _ = exchangeAll(t, httpWith(t, Raw{Base64: "AP8="}), getRoot)
	g.Expect(got).To(Equal("\x00\xff"))
	got, _ = readAll(t, dial(t, httpWith(t, Raw{At: AtAccept, Text: "hello\n"})))
	g.Expect(got).To(Equal("hello\n"))
}
