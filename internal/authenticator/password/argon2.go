package password

import (
	"bytes"
	"encoding/binary"
	"errors"
	_ "unsafe" // for go:linkname

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/blake2b"
)

// argon2.IDKey allocates its memory anew for every hash, which sets off the
// garbage collector every time. Here its parts are called in its order, with
// memory that was used before (docs/adr/0013-memory-of-hashes.md).

// block is the unit of Argon2's memory, 1 KiB (RFC 9106 §3.1).
type block [128]uint64

const (
	argon2id   = 2 // type of Argon2
	syncPoints = 4 // slices of a lane
)

//go:linkname initHash golang.org/x/crypto/argon2.initHash
func initHash(password, salt, secret, data []byte, passes, memoryKiB, lanes, size uint32, kind int) [blake2b.Size + 8]byte

//go:linkname blake2bHash golang.org/x/crypto/argon2.blake2bHash
func blake2bHash(out, in []byte)

//go:linkname processBlocks golang.org/x/crypto/argon2.processBlocks
func processBlocks(memory []block, passes, blocks, lanes uint32, kind int)

//go:linkname extractKey golang.org/x/crypto/argon2.extractKey
func extractKey(memory []block, blocks, lanes, size uint32) []byte

// memories are what hashes of one cost are computed in: all zero, as many as are
// computed at once, each made when it is needed for the first time.
type memories struct {
	blocks uint32
	idle   chan []block
}

func newMemories(c cost, most int) memories { return memories{c.blocks(), make(chan []block, most)} }

// take returns memory for a hash. One of another cost, made with an older
// policy, gets memory of its own.
func (m memories) take(blocks uint32) []block {
	if blocks == m.blocks {
		select {
		case memory := <-m.idle:
			return memory
		default:
		}
	}
	return make([]block, blocks)
}

// giveBack clears the memory: nothing that was made of a password stays in it.
func (m memories) giveBack(memory []block) {
	clear(memory)
	if len(memory) == int(m.blocks) {
		select {
		case m.idle <- memory:
		default:
		}
	}
}

// blocks returns how many blocks the memory of a hash has (RFC 9106 §3.2).
func (c cost) blocks() uint32 {
	slices := syncPoints * uint32(c.parallelism)
	return c.memoryKiB / slices * slices
}

// compute returns the tag of a peppered password: what [argon2.IDKey] returns.
func (m memories) compute(c cost, peppered, salt []byte) []byte {
	lanes := uint32(c.parallelism)
	seed := initHash(peppered, salt, nil, nil, c.iterations, c.memoryKiB, lanes, tagSize, argon2id)
	blocks := c.blocks()
	memory := m.take(blocks)
	defer m.giveBack(memory)
	for lane := range lanes {
		first := memory[lane*(blocks/lanes):]
		first[0].fill(seed, 0, lane)
		first[1].fill(seed, 1, lane)
	}
	processBlocks(memory, c.iterations, blocks, lanes, argon2id)
	return extractKey(memory, blocks, lanes, tagSize)
}

// fill makes one of the first two blocks of a lane (RFC 9106 §3.2).
func (b *block) fill(seed [blake2b.Size + 8]byte, column, lane uint32) {
	binary.LittleEndian.PutUint32(seed[blake2b.Size:], column)
	binary.LittleEndian.PutUint32(seed[blake2b.Size+4:], lane)
	var text [8 * len(b)]byte
	blake2bHash(text[:], seed[:])
	for i := range b {
		b[i] = binary.LittleEndian.Uint64(text[8*i:])
	}
}

var errOtherArgon2 = errors.New("password: golang.org/x/crypto/argon2 has changed inside")

// selfTest compares a small hash with [argon2.IDKey]: that library promises
// nothing about its parts.
func selfTest() error {
	c, text := cost{memoryKiB: 64, iterations: 2, parallelism: 2}, []byte("self-test")
	m := newMemories(c, 1)
	want := argon2.IDKey(text, text, c.iterations, c.memoryKiB, c.parallelism, tagSize)
	for range 2 { // in new memory, and in memory that was used
		if !bytes.Equal(m.compute(c, text, text), want) {
			return errOtherArgon2
		}
	}
	return nil
}
