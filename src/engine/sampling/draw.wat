;; Passes over a row of floats at the start of the memory, four at a time. `at` is where a block of it begins, in bytes;
;; `count` is how many floats it has, a multiple of four. `npm run wat` compiles this into draw.wasm.ts.
(module
  (memory (export "memory") 1)

  (func $sum (param $x v128) (result f32)
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $x)) (f32x4.extract_lane 1 (local.get $x)))
      (f32.add (f32x4.extract_lane 2 (local.get $x)) (f32x4.extract_lane 3 (local.get $x)))))

  ;; The largest float; what is no number is passed over.
  (func (export "largest") (param $at i32) (param $count i32) (result f32)
    (local $end i32) (local $x v128)
    (local.set $end (i32.add (local.get $at) (i32.shl (local.get $count) (i32.const 2))))
    (local.set $x (f32x4.splat (f32.const -inf)))
    (loop $next
      ;; pmax(a, b) is a < b ? b : a
      (local.set $x (f32x4.pmax (local.get $x) (v128.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (f32.max
      (f32.max (f32x4.extract_lane 0 (local.get $x)) (f32x4.extract_lane 1 (local.get $x)))
      (f32.max (f32x4.extract_lane 2 (local.get $x)) (f32x4.extract_lane 3 (local.get $x)))))

  ;; x ← exp(z), z = sharpness · (x − top), and 0 where z is below −20 or no number; returns the sum.
  ;; exp(z) = 2^k exp(f) with k = round(z / ln 2) and exp(f) by the polynomial of Cephes' expf.
  (func (export "weigh") (param $at i32) (param $count i32) (param $top f32) (param $sharpness f32) (result f32)
    (local $end i32) (local $tops v128) (local $sharp v128)
    (local $z v128) (local $k v128) (local $f v128) (local $w v128) (local $total v128)
    (local.set $end (i32.add (local.get $at) (i32.shl (local.get $count) (i32.const 2))))
    (local.set $tops (f32x4.splat (local.get $top)))
    (local.set $sharp (f32x4.splat (local.get $sharpness)))
    (loop $next
      (local.set $z (f32x4.mul (f32x4.sub (v128.load (local.get $at)) (local.get $tops)) (local.get $sharp)))
      (local.set $k (f32x4.nearest (f32x4.mul (local.get $z) (f32x4.splat (f32.const 1.44269504)))))
      ;; ln 2 in two parts, the first exact in few bits.
      (local.set $f (f32x4.sub (local.get $z) (f32x4.mul (local.get $k) (f32x4.splat (f32.const 0.693359375)))))
      (local.set $f (f32x4.add (local.get $f) (f32x4.mul (local.get $k) (f32x4.splat (f32.const 2.12194440e-4)))))
      (local.set $w (f32x4.mul (local.get $f) (f32x4.splat (f32.const 1.9875691500e-4))))
      (local.set $w (f32x4.mul (local.get $f) (f32x4.add (local.get $w) (f32x4.splat (f32.const 1.3981999507e-3)))))
      (local.set $w (f32x4.mul (local.get $f) (f32x4.add (local.get $w) (f32x4.splat (f32.const 8.3334519073e-3)))))
      (local.set $w (f32x4.mul (local.get $f) (f32x4.add (local.get $w) (f32x4.splat (f32.const 4.1665795894e-2)))))
      (local.set $w (f32x4.mul (local.get $f) (f32x4.add (local.get $w) (f32x4.splat (f32.const 1.6666665459e-1)))))
      (local.set $w (f32x4.mul (local.get $f) (f32x4.add (local.get $w) (f32x4.splat (f32.const 5.0000001201e-1)))))
      (local.set $w (f32x4.mul (local.get $f) (f32x4.add (local.get $w) (f32x4.splat (f32.const 1)))))
      (local.set $w (f32x4.add (local.get $w) (f32x4.splat (f32.const 1))))
      ;; 2^k by its bits; no k that counts is below −29.
      (local.set $k (i32x4.add (i32x4.trunc_sat_f32x4_s (local.get $k)) (i32x4.splat (i32.const 127))))
      (local.set $w (f32x4.mul (local.get $w) (i32x4.shl (local.get $k) (i32.const 23))))
      (local.set $w (v128.and (local.get $w) (f32x4.ge (local.get $z) (f32x4.splat (f32.const -20)))))
      (v128.store (local.get $at) (local.get $w))
      (local.set $total (f32x4.add (local.get $total) (local.get $w)))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (call $sum (local.get $total)))

  ;; x ← 0 unless x is above the limit, or as large and its place in the block below `place`; returns the sum.
  (func (export "cut") (param $at i32) (param $count i32) (param $limit f32) (param $place i32) (result f32)
    (local $end i32) (local $limits v128) (local $before v128) (local $places v128) (local $x v128) (local $total v128)
    (local.set $end (i32.add (local.get $at) (i32.shl (local.get $count) (i32.const 2))))
    (local.set $limits (f32x4.splat (local.get $limit)))
    (local.set $before (i32x4.splat (local.get $place)))
    (local.set $places (v128.const i32x4 0 1 2 3))
    (loop $next
      (local.set $x (v128.load (local.get $at)))
      (local.set $x (v128.and (local.get $x)
        (v128.or (f32x4.gt (local.get $x) (local.get $limits))
          (v128.and (f32x4.eq (local.get $x) (local.get $limits))
            (i32x4.lt_s (local.get $places) (local.get $before))))))
      (v128.store (local.get $at) (local.get $x))
      (local.set $total (f32x4.add (local.get $total) (local.get $x)))
      (local.set $places (i32x4.add (local.get $places) (i32x4.splat (i32.const 4))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (call $sum (local.get $total))))
