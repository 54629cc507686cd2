#include "textflag.h"

// func cpuid(leaf uint32) (eax, ebx, ecx uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-20
	MOVL leaf+0(FP), AX
	XORL CX, CX
	CPUID
	MOVL AX, eax+8(FP)
	MOVL BX, ebx+12(FP)
	MOVL CX, ecx+16(FP)
	RET

// func xgetbv() uint32
TEXT ·xgetbv(SB), NOSPLIT, $0-4
	XORL CX, CX
	XGETBV
	MOVL AX, ret+0(FP)
	RET

// func maskAVX2(p *byte, n int, k Key)
TEXT ·maskAVX2(SB), NOSPLIT, $0-20
	MOVQ         p+0(FP), SI
	MOVQ         n+8(FP), DX
	MOVL         k+16(FP), AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	ADDQ         SI, DX       // the end

mask:
	VPXOR   (SI), Y0, Y1
	VPXOR   32(SI), Y0, Y2
	VPXOR   64(SI), Y0, Y3
	VPXOR   96(SI), Y0, Y4
	VMOVDQU Y1, (SI)
	VMOVDQU Y2, 32(SI)
	VMOVDQU Y3, 64(SI)
	VMOVDQU Y4, 96(SI)
	ADDQ    $128, SI
	CMPQ    SI, DX
	JB      mask
	VZEROUPPER
	RET

// LOAD sets Y0 to the 32 bytes at SI+at, and Y1, Y2 and Y3 to those that begin one, two and three
// bytes before.
#define LOAD(at) \
	VMOVDQU at(SI), Y0     \
	VMOVDQU (at-1)(SI), Y1 \
	VMOVDQU (at-2)(SI), Y2 \
	VMOVDQU (at-3)(SI), Y3

// CHECK adds to Y15 the errors of the bytes that LOAD has loaded. Two continuations (128 in the tables)
// must be there if the byte two before is E0 or more, or the one three before F0 or more, and only
// then.
#define CHECK \
	VPSRLW   $4, Y1, Y4  \
	VPAND    Y11, Y4, Y4 \
	VPSHUFB  Y4, Y8, Y4  \
	VPAND    Y11, Y1, Y5 \
	VPSHUFB  Y5, Y9, Y5  \
	VPAND    Y5, Y4, Y4  \
	VPSRLW   $4, Y0, Y5  \
	VPAND    Y11, Y5, Y5 \
	VPSHUFB  Y5, Y10, Y5 \
	VPAND    Y5, Y4, Y4  \
	VPSUBUSB Y12, Y2, Y2 \
	VPSUBUSB Y13, Y3, Y3 \
	VPOR     Y3, Y2, Y2  \
	VPAND    Y14, Y2, Y2 \
	VPXOR    Y4, Y2, Y4  \
	VPOR     Y4, Y15, Y15

// BYTES fills a register with one byte.
#define BYTES(b, x, y) \
	MOVL         $b, AX \
	VMOVD        AX, x  \
	VPBROADCASTB x, y

// func textAVX2(p *byte, n int, errors *[3][16]byte) bool
TEXT ·textAVX2(SB), NOSPLIT, $0-25
	MOVQ           p+0(FP), SI
	MOVQ           n+8(FP), DX
	MOVQ           errors+16(FP), BX
	ADDQ           SI, DX             // the end
	VBROADCASTI128 (BX), Y8
	VBROADCASTI128 16(BX), Y9
	VBROADCASTI128 32(BX), Y10
	BYTES(0x0F, X11, Y11)
	BYTES(0x60, X12, Y12)             // E0 less this is 80
	BYTES(0x70, X13, Y13)             // F0 less this is 80
	BYTES(0x80, X14, Y14)
	VPXOR          Y15, Y15, Y15

	// Nothing may be loaded before the first 32 bytes: zeros stand there.
	VMOVDQU    (SI), Y0
	VPERM2I128 $0x08, Y0, Y0, Y4
	VPALIGNR   $15, Y4, Y0, Y1
	VPALIGNR   $14, Y4, Y0, Y2
	VPALIGNR   $13, Y4, Y0, Y3
	CHECK
	ADDQ       $32, SI
	LEAQ       -64(DX), R8
	JMP        next

ascii:
	ADDQ $64, SI

next:
	CMPQ      SI, R8
	JA        rest
	VMOVDQU   (SI), Y0
	VPOR      32(SI), Y0, Y0
	VPMOVMSKB Y0, AX
	TESTL     AX, AX
	JNZ       mixed
	CMPB      -1(SI), $0x80 // a character may lack its end
	JB        ascii

mixed:
	LOAD(0)
	CHECK
	LOAD(32)
	CHECK
	ADDQ $64, SI
	JMP  next

	// The last 32 bytes overlap with what was checked, which does no harm.
rest:
	LEAQ -32(DX), R8

more:
	CMPQ    SI, DX
	JAE     done
	CMPQ    SI, R8
	CMOVQHI R8, SI
	LOAD(0)
	CHECK
	ADDQ    $32, SI
	JMP     more

done:
	VPTEST Y15, Y15
	SETEQ  ret+24(FP)
	VZEROUPPER
	RET
