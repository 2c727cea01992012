package main

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

const (
	fibCutoff   = 8
	queensDepth = 4
)

var (
	forkJoinTasks  int64
	forkJoinCounts bool
)

func forkJoinCount() {
	if forkJoinCounts {
		atomic.AddInt64(&forkJoinTasks, 1)
	}
}

func (s *sample) forkJoin(name string, forked, serial func(n int) int) {
	begin := time.Now()
	expected := serial(s.size)
	s.value(float64(time.Since(begin).Nanoseconds()), "serial_ns")
	var took []float64
	forkJoinCounts = true
	for i := -1; i < 5; i++ {
		begin = time.Now()
		result := forked(s.size)
		elapsed := time.Since(begin)
		check(result == expected, "%s(%d): %d, not %d", name, s.size, result, expected)
		if i >= 0 {
			took = append(took, float64(elapsed.Nanoseconds()))
		}
		forkJoinCounts = false
	}
	s.value(median(took), "%s_ns", name)
	s.value(float64(forkJoinTasks), "tasks")
}

func fibSerial(n int) int {
	if n < 2 {
		return n
	}
	return fibSerial(n-1) + fibSerial(n-2)
}

func fibForked(n int) int {
	if n < fibCutoff {
		return fibSerial(n)
	}
	var group sync.WaitGroup
	var first int
	group.Add(1)
	go func() {
		forkJoinCount()
		first = fibForked(n - 1)
		group.Done()
	}()
	other := fibForked(n - 2)
	group.Wait()
	return first + other
}

func fib(s *sample) { s.forkJoin("fib", fibForked, fibSerial) }

// Bits that are taken: of the columns, and of the diagonals as they meet the next row. all: one for each column.
type board struct {
	columns, left, right, all uint32
}

func (b board) place(bit uint32) board {
	return board{b.columns | bit, (b.left | bit) << 1, (b.right | bit) >> 1, b.all}
}

func queensAlone(columns, left, right, all uint32) int {
	if columns == all {
		return 1
	}
	found := 0
	for open := ^(columns | left | right) & all; open != 0; open &= open - 1 {
		bit := open & -open
		found += queensAlone(columns|bit, (left|bit)<<1, (right|bit)>>1, all)
	}
	return found
}

func queensForked(b board, row int) int {
	if row == queensDepth || b.columns == b.all {
		return queensAlone(b.columns, b.left, b.right, b.all)
	}
	var children [32]int
	var group sync.WaitGroup
	open := ^(b.columns | b.left | b.right) & b.all
	group.Add(bits.OnesCount32(open))
	for count := 0; open != 0; open &= open - 1 {
		go func(placed board, found *int) {
			forkJoinCount()
			*found = queensForked(placed, row+1)
			group.Done()
		}(b.place(open&-open), &children[count])
		count++
	}
	group.Wait()
	found := 0
	for _, one := range children {
		found += one
	}
	return found
}

func nqueens(s *sample) {
	s.forkJoin("nqueens", func(n int) int { return queensForked(board{all: 1<<n - 1}, 0) },
		func(n int) int { return queensAlone(0, 0, 0, 1<<n-1) })
}
