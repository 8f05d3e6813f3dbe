package exportfile

import (
	"encoding/binary"
	"math"
)

// wireField is one field of a protobuf message as it stands on the wire
// (protobuf.dev/programming-guides/encoding).
type wireField struct {
	number  uint64
	varint  uint64 // of a varint or a fixed width
	bytes   []byte
	isBytes bool
}

// Wire types.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// maxFieldNumber is the greatest that the encoding allows.
const maxFieldNumber = 1<<29 - 1

// parseMessage returns the fields of a message in their order. It refuses as
// [Malformed] groups, field 0, varints of more than ten bytes, and lengths beyond
// the end.
func parseMessage(message []byte) ([]wireField, error) {
	var fields []wireField
	for len(message) > 0 {
		tag, n := uvarint(message)
		f := wireField{number: tag >> 3, isBytes: tag&7 == wireBytes}
		if n <= 0 || f.number == 0 || f.number > maxFieldNumber {
			return nil, refuse(Malformed)
		}
		message = message[n:]
		if n = f.parseValue(message, tag&7); n < 0 {
			return nil, refuse(Malformed)
		}
		message = message[n:]
		fields = append(fields, f)
	}
	return fields, nil
}

// parseValue returns how many bytes it has read, or -1.
func (f *wireField) parseValue(message []byte, wireType uint64) int {
	switch wireType {
	case wireVarint:
		var n int
		f.varint, n = uvarint(message)
		return n
	case wireFixed64:
		if len(message) < 8 {
			return -1
		}
		f.varint = binary.LittleEndian.Uint64(message)
		return 8
	case wireFixed32:
		if len(message) < 4 {
			return -1
		}
		f.varint = uint64(binary.LittleEndian.Uint32(message))
		return 4
	case wireBytes:
		length, n := uvarint(message)
		if n < 0 || length > uint64(len(message)-n) { //nolint:gosec // G115: n is at most the length
			return -1
		}
		f.bytes = message[n : n+int(length)] //nolint:gosec // G115: at most the length of the message
		return n + int(length)               //nolint:gosec // G115: as above
	}
	return -1
}

// uvarint reads up to ten bytes, and drops the bits above the 64th, as every
// reader of protobuf does. It returns -1 for what is longer or cut off.
func uvarint(message []byte) (value uint64, n int) {
	for i, b := range message {
		if i == 10 {
			break
		}
		value |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return value, i + 1
		}
	}
	return 0, -1
}

// message gives access to the last value of each field.
type message []wireField

// int32 returns 0 for a field that is missing.
func (m message) int32(number uint64) (int32, error) {
	value, err := m.uint64(number)
	return int32(uint32(value & math.MaxUint32)), err //nolint:gosec // G115: negative numbers stand as ten bytes
}

func (m message) uint64(number uint64) (value uint64, err error) {
	for _, f := range m {
		if f.number == number {
			if f.isBytes {
				return 0, refuse(Malformed)
			}
			value = f.varint
		}
	}
	return value, nil
}

func (m message) bytes(number uint64) (value []byte, err error) {
	for _, f := range m {
		if f.number == number {
			if !f.isBytes {
				return nil, refuse(Malformed)
			}
			value = f.bytes
		}
	}
	return value, nil
}

func appendVarint(b []byte, number, value uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, number<<3|wireVarint), value)
}

func appendBytes(b []byte, number uint64, value []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, number<<3|wireBytes), uint64(len(value)))
	return append(b, value...)
}
