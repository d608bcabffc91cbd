using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using Xunit;

namespace AdaptFormer.Tests.Backends.Cpu;

public sealed unsafe class GeluSlopeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(256)]
    [InlineData(1000)]
    public void Output_is_gelu_and_the_byte_is_its_derivative(int n)
    {
        float[] x = [.. Enumerable.Range(0, n).Select(i => (float)(12 * Math.Sin(i * 0.7)))], y = new float[n], exact = new float[n], ones = new float[n], slope = new float[n];
        byte[] code = new byte[n + 1];
        code[n] = 77;
        Array.Fill(ones, 1f);
        fixed (float* px = x, py = y, pe = exact, po = ones, ps = slope)
        fixed (byte* pc = code)
        {
            GeluSlope.Forward((nint)px, DataType.Float32, (nint)py, DataType.Float32, (nint)pc, DataType.Code8, n);
            Activation.Gelu((nint)px, DataType.Float32, (nint)pe, DataType.Float32, n);
            Assert.Equal(exact, y);
            Activation.GeluBackward((nint)px, DataType.Float32, (nint)po, DataType.Float32, (nint)pe, DataType.Float32, n);
            GeluSlope.Backward((nint)pc, DataType.Code8, (nint)po, DataType.Float32, (nint)ps, DataType.Float32, n);
        }

        Assert.Equal(77, code[n]);
        for (int i = 0; i < n; i++)
        {
            Assert.InRange(slope[i] - exact[i], -1f / 400, 1f / 400);
            Assert.Equal(GeluSlope.Decode(code[i]), slope[i], 1e-6f);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(997)]
    public void Two_bytes_hold_the_derivative_to_five_digits(int n)
    {
        float[] x = [.. Enumerable.Range(0, n).Select(i => (float)(6 * Math.Sin(i * 0.7)))], y = new float[n], exact = new float[n], ones = new float[n], slope = new float[n];
        ushort[] code = new ushort[n + 1];
        code[n] = 777;
        Array.Fill(ones, 1f);
        fixed (float* px = x, py = y, pe = exact, po = ones, ps = slope)
        fixed (ushort* pc = code)
        {
            GeluSlope.Forward((nint)px, DataType.Float32, (nint)py, DataType.Float32, (nint)pc, DataType.Code16, n);
            Activation.GeluBackward((nint)px, DataType.Float32, (nint)po, DataType.Float32, (nint)pe, DataType.Float32, n);
            GeluSlope.Backward((nint)pc, DataType.Code16, (nint)po, DataType.Float32, (nint)ps, DataType.Float32, n);
        }

        Assert.Equal(777, code[n]);
        for (int i = 0; i < n; i++)
        {
            Assert.InRange(slope[i] - exact[i], -1f / 100_000, 1f / 100_000);
            Assert.Equal(GeluSlope.Decode(code[i]), slope[i], 1e-6f);
        }
    }

    [Fact]
    public void Units_far_off_and_far_on_are_exact()
    {
        float[] x = [-9, 9, 0];
        byte[] code = new byte[3];
        fixed (float* px = x)
        fixed (byte* pc = code) GeluSlope.Forward((nint)px, DataType.Float32, (nint)px, DataType.Float32, (nint)pc, DataType.Code8, 3);
        Assert.Equal([0f, 1f, 0.5f], code.Select(GeluSlope.Decode));
    }
}
