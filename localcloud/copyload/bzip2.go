package copyload

import (
	"bufio"
	"io"
	"slices"
)

// Go reads bzip2 and does not write it. This writer makes small blocks with
// one Huffman table each: plain, and not the smallest there could be.

// bzipBlock is how many bytes a block holds, after its runs were shortened:
// less than the 100,000 that "BZh1" allows.
const bzipBlock = 99_980

// maxCode is the longest code; decoders take up to 20 bits.
const maxCode = 17

// bzipWriter packs what is written to it.
type bzipWriter struct {
	w       *bufio.Writer
	bits    uint64
	n       uint // bits waiting
	block   []byte
	crc     uint32 // of the block's bytes
	all     uint32 // of the blocks' sums
	last    byte
	run     int
	started bool
}

func newBzipWriter(w io.Writer) *bzipWriter {
	return &bzipWriter{w: bufio.NewWriterSize(w, 1<<16), crc: ^uint32(0)}
}

// Write implements io.Writer.
func (z *bzipWriter) Write(p []byte) (int, error) {
	for _, b := range p {
		z.crc = z.crc<<8 ^ bzipCRC[byte(z.crc>>24)^b]
		if z.run > 0 && (b != z.last || z.run == 255) {
			z.endRun()
		}
		z.last, z.run = b, z.run+1
		if z.run == 1 && len(z.block) >= bzipBlock-10 {
			// The byte that just began a run belongs to this block's sum.
			z.endRun()
			z.endBlock()
		}
	}
	return len(p), nil
}

// endRun writes a run into the block: four bytes and how many more there were.
func (z *bzipWriter) endRun() {
	for range min(z.run, 4) {
		z.block = append(z.block, z.last)
	}
	if z.run >= 4 {
		z.block = append(z.block, byte(z.run-4))
	}
	z.run = 0
}

// Close writes what is left and the end.
func (z *bzipWriter) Close() error {
	z.endRun()
	z.endBlock()
	z.begin()
	z.put(0x177245385090>>24, 24)
	z.put(0x177245385090&0xffffff, 24)
	z.put(uint64(z.all), 32)
	if z.n%8 != 0 {
		z.put(0, 8-z.n%8)
	}
	return z.w.Flush()
}

func (z *bzipWriter) begin() {
	if !z.started {
		z.started = true
		for _, b := range []byte("BZh1") {
			z.put(uint64(b), 8)
		}
	}
}

// put writes the lowest n bits of v, 32 at most; errors stay in the
// bufio.Writer until Flush.
func (z *bzipWriter) put(v uint64, n uint) {
	z.bits = z.bits<<n | v&(1<<n-1)
	for z.n += n; z.n >= 8; z.n -= 8 {
		_ = z.w.WriteByte(byte(z.bits >> (z.n - 8)))
	}
}

// endBlock writes a block, if there is anything in it.
func (z *bzipWriter) endBlock() {
	if len(z.block) == 0 {
		return
	}
	z.begin()
	sum := ^z.crc
	z.all = (z.all<<1 | z.all>>31) ^ sum
	z.put(0x314159265359>>24, 24)
	z.put(0x314159265359&0xffffff, 24)
	z.put(uint64(sum), 32)
	last, origin := transform(z.block)
	z.put(0, 1)
	z.put(uint64(origin), 24)
	used := z.alphabet(last)
	symbols := moveToFront(last, used)
	z.huffman(symbols, len(used)+2)
	z.block, z.crc = z.block[:0], ^uint32(0)
}

// alphabet writes which bytes there are, and returns them.
func (z *bzipWriter) alphabet(block []byte) []byte {
	var there [256]bool
	for _, b := range block {
		there[b] = true
	}
	var used []byte
	var groups uint64
	for i, yes := range there {
		if yes {
			used = append(used, byte(i))
			groups |= 1 << (15 - i/16)
		}
	}
	z.put(groups, 16)
	for g := range 16 {
		if groups>>(15-g)&1 == 0 {
			continue
		}
		for i := range 16 {
			z.put(uint64(bit(there[g*16+i])), 1)
		}
	}
	return used
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// transform sorts the block's rotations and returns their last bytes, and
// which one is the block itself (Burrows and Wheeler). Sorting goes by
// doubling the length that is looked at, so repetitive blocks are no trap.
func transform(block []byte) (last []byte, origin int) {
	n := len(block)
	order, next := make([]int32, n), make([]int32, n)
	class, finer := make([]int32, n), make([]int32, n)
	count := make([]int32, max(257, n+1))
	for i, b := range block {
		class[i] = int32(b)
		next[i] = int32(i)
	}
	classes := 256
	for half := 0; ; half = max(1, half*2) {
		clear(count[:classes+1])
		for _, p := range next {
			count[class[p]+1]++
		}
		for i := range classes {
			count[i+1] += count[i]
		}
		for _, p := range next {
			order[count[class[p]]] = p
			count[class[p]]++
		}
		finer[order[0]], classes = 0, 1
		for i := 1; i < n; i++ {
			a, b := int(order[i-1]), int(order[i])
			if class[a] != class[b] || half > 0 && class[(a+half)%n] != class[(b+half)%n] {
				classes++
			}
			finer[b] = int32(classes - 1)
		}
		class, finer = finer, class
		step := max(1, half*2)
		if classes == n || step >= n {
			break
		}
		for i, p := range order {
			next[i] = (p - int32(step) + int32(n)) % int32(n)
		}
	}
	last = make([]byte, n)
	for i, p := range order {
		if p == 0 {
			origin = i
		}
		last[i] = block[(int(p)+n-1)%n]
	}
	return last, origin
}

// moveToFront turns bytes into places in a list of those seen last; runs of
// the first place become numbers of the digits 0 and 1, and the end is a
// symbol too.
func moveToFront(block, used []byte) []uint16 {
	list := slices.Clone(used)
	var out []uint16
	zeros := 0
	flush := func() {
		for ; zeros > 0; zeros = (zeros - 1) / 2 {
			out = append(out, uint16((zeros-1)&1))
		}
	}
	for _, b := range block {
		i := slices.Index(list, b)
		if i == 0 {
			zeros++
			continue
		}
		flush()
		copy(list[1:i+1], list[:i])
		list[0] = b
		out = append(out, uint16(i+1))
	}
	flush()
	return append(out, uint16(len(used)+1))
}

// huffman writes the tables and the symbols. Two tables are the fewest there
// may be; both are the same, and only the first is used.
func (z *bzipWriter) huffman(symbols []uint16, alphabet int) {
	lengths := codeLengths(symbols, alphabet)
	selectors := (len(symbols) + 49) / 50
	z.put(2, 3)
	z.put(uint64(selectors), 15)
	for range selectors {
		z.put(0, 1)
	}
	for range 2 {
		now := lengths[0]
		z.put(uint64(now), 5)
		for _, l := range lengths {
			for ; now < l; now++ {
				z.put(2, 2)
			}
			for ; now > l; now-- {
				z.put(3, 2)
			}
			z.put(0, 1)
		}
	}
	codes := make([]uint64, alphabet)
	code := uint64(0)
	for l := uint(1); l <= maxCode; l++ {
		for s, sl := range lengths {
			if sl == l {
				codes[s] = code
				code++
			}
		}
		code <<= 1
	}
	for _, s := range symbols {
		z.put(codes[s], lengths[s])
	}
}

// codeLengths are those of a Huffman code; symbols that do not occur have one
// too. Counts are evened out until no code is too long.
func codeLengths(symbols []uint16, alphabet int) []uint {
	weights := make([]int, alphabet)
	for _, s := range symbols {
		weights[s]++
	}
	for {
		lengths := lengthsOf(weights)
		if slices.Max(lengths) <= maxCode {
			return lengths
		}
		for i := range weights {
			weights[i] = weights[i]/2 + 1
		}
	}
}

// lengthsOf joins the two lightest trees until one is left.
func lengthsOf(weights []int) []uint {
	type tree struct {
		weight int
		leaves []int
	}
	lengths := make([]uint, len(weights))
	var trees []tree
	for i, w := range weights {
		trees = append(trees, tree{max(w, 1), []int{i}})
	}
	for len(trees) > 1 {
		slices.SortStableFunc(trees, func(a, b tree) int { return a.weight - b.weight })
		joined := tree{trees[0].weight + trees[1].weight, append(trees[0].leaves, trees[1].leaves...)}
		for _, leaf := range joined.leaves {
			lengths[leaf]++
		}
		trees = append(trees[2:], joined)
	}
	return lengths
}

// bzipCRC is bzip2's sum: the usual polynomial, highest bit first.
var bzipCRC = func() (table [256]uint32) {
	for i := range table {
		c := uint32(i) << 24
		for range 8 {
			c = c<<1 ^ uint32(bit(c>>31 == 1))*0x04c11db7
		}
		table[i] = c
	}
	return table
}()
