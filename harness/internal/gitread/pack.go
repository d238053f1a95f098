package gitread

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"

	"github.com/badgateway/badgateway/harness/hostfile"
)

// maxPacks bounds the packs of a repository. Each has two files open.
const maxPacks = 400

// A pack is a file of many objects, with the index that finds them.
type pack struct {
	index, data *os.File
	hash        int
	fan         [256]uint32 // how many names begin with at most this byte
	size        int64       // of data
}

var errPack = errors.New("a pack is damaged")

// list opens the packs.
func (r *Repository) list() error {
	if r.listed {
		return nil
	}
	r.listed = true
	dir, err := r.common.Open("objects/pack")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(100 * maxPacks)
	if err != nil && err != io.EOF {
		return err
	}
	for _, name := range names {
		stem, is := strings.CutSuffix(name, ".idx")
		if !is {
			continue
		}
		if len(r.packs) == maxPacks {
			return fmt.Errorf("the repository has more than %d packs: git gc makes one of them", maxPacks)
		}
		p, err := openPack(r.common, "objects/pack/"+stem, r.hash)
		if errors.Is(err, fs.ErrNotExist) {
			continue // git is at work
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		r.packs = append(r.packs, p)
	}
	return nil
}

func openPack(root *os.Root, stem string, hash int) (*pack, error) {
	p := &pack{hash: hash}
	var err error
	if p.index, err = hostfile.OpenIn(root, stem+".idx"); err != nil {
		return nil, err
	}
	if p.data, err = hostfile.OpenIn(root, stem+".pack"); err != nil {
		p.close()
		return nil, err
	}
	if err := p.check(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// check reads the index's table, and holds the sizes against it.
func (p *pack) check() error {
	var head struct {
		Magic   [4]byte
		Version uint32
		Fan     [256]uint32
	}
	if err := binary.Read(io.NewSectionReader(p.index, 0, math.MaxInt64), binary.BigEndian, &head); err != nil {
		return err
	}
	if string(head.Magic[:]) != "\xfftOc" || head.Version != 2 {
		return fmt.Errorf("its index has a form that is not read here: git repack -ad writes it anew")
	}
	p.fan = head.Fan
	for i := 1; i < 256; i++ {
		if p.fan[i] < p.fan[i-1] {
			return errPack
		}
	}
	index, err := p.index.Stat()
	if err != nil {
		return err
	}
	data, err := p.data.Stat()
	if err != nil {
		return err
	}
	p.size = data.Size()
	if index.Size() < p.at(4)+int64(2*p.hash) {
		return errPack
	}
	return nil
}

// at is where one of the index's tables begins: 1 names, 2 checksums, 3 places, 4 places beyond 2 GiB.
func (p *pack) at(table int) int64 {
	n := int64(p.fan[255])
	return []int64{0, 1032, 1032 + n*int64(p.hash), 1032 + n*int64(p.hash+4), 1032 + n*int64(p.hash+8)}[table]
}

func (p *pack) close() {
	for _, f := range []*os.File{p.index, p.data} {
		if f != nil {
			f.Close()
		}
	}
}

// name is the nth name of the index.
func (p *pack) name(n uint32) ([]byte, error) {
	b := make([]byte, p.hash)
	_, err := p.index.ReadAt(b, p.at(1)+int64(n)*int64(p.hash))
	return b, err
}

// first is the place of the first name that is not before this one.
func (p *pack) first(id []byte) (uint32, error) {
	low, high := uint32(0), p.fan[id[0]]
	if id[0] > 0 {
		low = p.fan[id[0]-1]
	}
	for low < high {
		middle := low + (high-low)/2
		name, err := p.name(middle)
		if err != nil {
			return 0, err
		}
		if bytes.Compare(name, id) < 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// find is where an object begins; false when the pack has it not.
func (p *pack) find(id []byte) (int64, bool, error) {
	n, err := p.first(id)
	if err != nil || n >= p.fan[255] {
		return 0, false, err
	}
	name, err := p.name(n)
	if err != nil || !bytes.Equal(name, id) {
		return 0, false, err
	}
	var b [8]byte
	if _, err := p.index.ReadAt(b[:4], p.at(3)+4*int64(n)); err != nil {
		return 0, false, err
	}
	place := int64(binary.BigEndian.Uint32(b[:4]))
	if place&(1<<31) != 0 {
		if _, err := p.index.ReadAt(b[:], p.at(4)+8*(place&^(1<<31))); err != nil {
			return 0, false, err
		}
		place = int64(binary.BigEndian.Uint64(b[:]))
	}
	if place < 12 || place >= p.size {
		return 0, false, errPack
	}
	return place, true, nil
}

// begins calls for the names that begin so, a hundred of them at most.
func (p *pack) begins(begin string, do func(id string)) error {
	low, err := hex.DecodeString(begin + strings.Repeat("0", 2*p.hash-len(begin)))
	if err != nil {
		return err
	}
	n, err := p.first(low)
	for i := 0; err == nil && i < 100 && n < p.fan[255]; i++ {
		var name []byte
		if name, err = p.name(n); err != nil {
			return err
		}
		id := hex.EncodeToString(name)
		if !strings.HasPrefix(id, begin) {
			return nil
		}
		do(id)
		n++
	}
	return err
}

// An entry is what stands at a place in a pack.
type entry struct {
	kind  int
	size  int64 // of the object, or of the delta
	base  int64 // of a delta: where what it is applied to begins
	begin int64 // where the compressed bytes begin
}

// The kinds of entries.
var kinds = map[int]string{1: "commit", 2: "tree", 3: "blob", 4: "tag"}

const (
	offsetDelta = 6
	namedDelta  = 7
)

func (p *pack) entry(place int64) (entry, error) {
	in := bufio.NewReaderSize(io.NewSectionReader(p.data, place, p.size-place), 64)
	used := int64(0)
	next := func() (byte, error) { used++; return in.ReadByte() }
	c, err := next()
	if err != nil {
		return entry{}, errPack
	}
	e := entry{kind: int(c >> 4 & 7), size: int64(c & 15)}
	for shift := 4; c&0x80 != 0; shift += 7 {
		if c, err = next(); err != nil || shift > 50 {
			return entry{}, errPack
		}
		e.size |= int64(c&0x7f) << shift
	}
	switch e.kind {
	case offsetDelta:
		back := int64(-1)
		for c = 0x80; c&0x80 != 0; {
			if c, err = next(); err != nil || back > 1<<50 {
				return entry{}, errPack
			}
			back = (back+1)<<7 | int64(c&0x7f)
		}
		if e.base = place - back; back <= 0 || e.base < 12 {
			return entry{}, errPack
		}
	case namedDelta:
		id := make([]byte, p.hash)
		if _, err := io.ReadFull(in, id); err != nil {
			return entry{}, errPack
		}
		used += int64(p.hash)
		found := false
		if e.base, found, err = p.find(id); err != nil || !found {
			return entry{}, errPack
		}
	default:
		if kinds[e.kind] == "" {
			return entry{}, errPack
		}
	}
	e.begin = place + used
	return e, nil
}

func (p *pack) unpacked(e entry) (io.Reader, error) {
	return zlib.NewReader(bufio.NewReader(io.NewSectionReader(p.data, e.begin, p.size-e.begin)))
}

// packed reads an object from a pack. With a bound below zero only its size is told, as what is too much.
func (r *Repository) packed(id string, most int64) (string, []byte, error) {
	if err := r.list(); err != nil {
		return "", nil, err
	}
	raw, err := hex.DecodeString(id)
	if err != nil {
		return "", nil, err
	}
	for _, p := range r.packs {
		place, found, err := p.find(raw)
		if err != nil {
			return "", nil, err
		}
		if found {
			return r.at(p, place, most)
		}
	}
	return "", nil, errMissing
}

// at unpacks the object at a place: the last whole one before it, and each delta on that.
func (r *Repository) at(p *pack, place, most int64) (string, []byte, error) {
	var chain []entry
	e, err := p.entry(place)
	if err != nil {
		return "", nil, err
	}
	if size, err := p.result(e); err != nil {
		return "", nil, err
	} else if size > most {
		return "", nil, tooBig{size}
	}
	for e.kind == offsetDelta || e.kind == namedDelta {
		if len(chain) == maxChain {
			return "", nil, fmt.Errorf("more than %d deltas on one another", maxChain)
		}
		chain = append(chain, e)
		if e, err = p.entry(e.base); err != nil {
			return "", nil, err
		}
	}
	data, err := r.inflate(p, e)
	for i := len(chain) - 1; err == nil && i >= 0; i-- {
		var delta []byte
		if delta, err = r.inflate(p, chain[i]); err == nil {
			data, err = r.apply(data, delta)
		}
	}
	return kinds[e.kind], data, err
}

// result is the size of an object, also of one that a delta makes.
func (p *pack) result(e entry) (int64, error) {
	if e.kind != offsetDelta && e.kind != namedDelta {
		return e.size, nil
	}
	in, err := p.unpacked(e)
	if err != nil {
		return 0, err
	}
	head := make([]byte, min(e.size, 20))
	if _, err := io.ReadFull(in, head); err != nil {
		return 0, errPack
	}
	_, head, _ = number(head)
	size, _, ok := number(head)
	if !ok {
		return 0, errPack
	}
	return size, nil
}

func (r *Repository) inflate(p *pack, e entry) ([]byte, error) {
	if e.size > maxPiece {
		return nil, tooBig{e.size}
	}
	in, err := p.unpacked(e)
	if err != nil {
		return nil, err
	}
	return r.take(in, e.size)
}

// number reads a size of a delta.
func number(b []byte) (n int64, rest []byte, ok bool) {
	for i, c := range b {
		if i == 8 {
			break
		}
		n |= int64(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// apply makes of one object another: pieces are copied from it, others come with the delta.
func (r *Repository) apply(base, delta []byte) ([]byte, error) {
	from, delta, ok := number(delta)
	if !ok || from != int64(len(base)) {
		return nil, errPack
	}
	size, delta, ok := number(delta)
	if !ok {
		return nil, errPack
	}
	if size > maxPiece {
		return nil, tooBig{size}
	}
	if r.worked += size; r.worked > maxWork {
		return nil, fmt.Errorf("more than %d GiB would have to be unpacked", int64(maxWork)>>30)
	}
	out := make([]byte, 0, size)
	for len(delta) > 0 {
		op := delta[0]
		delta = delta[1:]
		var piece []byte
		switch {
		case op == 0:
			return nil, errPack
		case op < 0x80:
			if int(op) > len(delta) {
				return nil, errPack
			}
			piece, delta = delta[:op], delta[op:]
		default:
			var field [7]int64 // four bytes of the place, three of the length
			for i := range field {
				if op&(1<<i) == 0 {
					continue
				}
				if len(delta) == 0 {
					return nil, errPack
				}
				field[i], delta = int64(delta[0]), delta[1:]
			}
			begin := field[0] | field[1]<<8 | field[2]<<16 | field[3]<<24
			length := field[4] | field[5]<<8 | field[6]<<16
			if length == 0 {
				length = 0x10000
			}
			if begin+length > int64(len(base)) {
				return nil, errPack
			}
			piece = base[begin : begin+length]
		}
		if int64(len(out)+len(piece)) > size {
			return nil, errPack
		}
		out = append(out, piece...)
	}
	if int64(len(out)) != size {
		return nil, errPack
	}
	return out, nil
}
