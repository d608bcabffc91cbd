using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.Cpu.Simd;
using AdaptFormer.Tests.Backends.OneDnn;
using Xunit;
using static AdaptFormer.Tests.Backends.Cpu.KernelData;

namespace AdaptFormer.Tests.Backends.Cpu;

public sealed class ConverterTests
{
    [Fact]
    public void Every_bfloat16_survives_the_way_to_f32_and_back()
    {
        using NativeMatrix all = new(Bf16, 65_536), wide = new(F32, 65_536), back = new(Bf16, 65_536);
        unsafe
        {
            for (int i = 0; i < 65_536; i++) ((ushort*)all.Pointer)[i] = (ushort)i;
        }

        Converter.Copy(all.Pointer, Bf16, wide.Pointer, F32, 65_536);
        Converter.Copy(wide.Pointer, F32, back.Pointer, Bf16, 65_536);
        for (int i = 0; i < 65_536; i++)
        {
            bool kept = float.IsNaN(all[i]) ? float.IsNaN(wide[i]) && float.IsNaN(back[i]) : all[i] == wide[i] && all[i] == back[i];
            if (!kept) Assert.Fail($"The number with the bits {i:x4} became {wide[i]}, then {back[i]}.");
        }
    }

    [Theory]
    [InlineData(0x3F80_7FFFu, 0x3F80)]    // below half a unit: down
    [InlineData(0x3F80_8000u, 0x3F80)]    // half, even stays
    [InlineData(0x3F81_8000u, 0x3F82)]    // half, odd goes up
    [InlineData(0x3F80_8001u, 0x3F81)]    // above half
    [InlineData(0x3FFF_8000u, 0x4000)]    // carries into the exponent
    [InlineData(0x7F7F_FFFFu, 0x7F80)]    // the largest float rounds to infinity
    [InlineData(0x7F80_0000u, 0x7F80)]
    [InlineData(0xFF80_0000u, 0xFF80)]
    [InlineData(0x7F80_0001u, 0x7FC0)]    // a NaN whose payload is in the lost half
    [InlineData(0xFFFF_FFFFu, 0xFFFF)]    // a NaN that the rounding addition would wrap to zero
    [InlineData(0x8000_0000u, 0x8000)]
    [InlineData(0x0000_8000u, 0x0000)]
    public unsafe void Rounds_to_nearest_even_and_keeps_NaN(uint single, ushort expected)
    {
        Assert.Equal(expected, Converter.ToBFloat16(BitConverter.UInt32BitsToSingle(single)));
        using NativeMatrix x = new(F32, 37), y = new(Bf16, 37);    // whole vectors and a tail
        for (int i = 0; i < 37; i++) ((uint*)x.Pointer)[i] = single;
        Converter.Copy(x.Pointer, F32, y.Pointer, Bf16, 37);
        for (int i = 0; i < 37; i++) Assert.Equal(expected, ((ushort*)y.Pointer)[i]);
    }

    [Fact]
    public void Copies_equal_the_scalar_conversion_at_all_lengths()
    {
        foreach (DataType from in Types)
            foreach (DataType to in Types)
                foreach (int n in Lengths)
                {
                    using NativeMatrix x = Random(from, n, n), y = new(to, n);
                    Converter.Copy(x.Pointer, from, y.Pointer, to, n);
                    for (int i = 0; i < n; i++)
                        Assert.Equal(to == F32 ? x[i] : Converter.ToSingle(Converter.ToBFloat16(x[i])), y[i]);
                    Assert.True(y.GuardsIntact());
                }
    }
}
