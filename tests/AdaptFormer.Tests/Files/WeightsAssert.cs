using AdaptFormer.Files;
using Xunit;

namespace AdaptFormer.Tests.Files;

/// <summary>What tests of all file kinds ask of a file.</summary>
internal static class WeightsAssert
{
    public static byte[] Bytes(WeightsFile file, string name)
    {
        WeightsEntry entry = file.Get(name);
        byte[] bytes = new byte[entry.ByteLength];
        file.ReadBytes(entry, bytes);
        return bytes;
    }

    public static float[] Floats(WeightsFile file, string name)
    {
        WeightsEntry entry = file.Get(name);
        float[] values = new float[entry.ElementCount];
        file.ReadFloat32(entry, values);
        return values;
    }

    /// <summary>Type, shape and every byte agree.</summary>
    public static void SameTensor(WeightsFile expected, string expectedName, WeightsFile actual, string actualName)
    {
        WeightsEntry e = expected.Get(expectedName), a = actual.Get(actualName);
        Assert.Equal((e.Type, e.Shape), (a.Type, a.Shape));
        Assert.True(Bytes(expected, expectedName).AsSpan().SequenceEqual(Bytes(actual, actualName)), $"'{actualName}' has other bytes than expected");
    }

    public static void Refused(string path, params string[] reasons) => Refused(path, WeightsFile.Open, reasons);

    public static void Refused(string path, Func<string, WeightsFile> open, params string[] reasons)
    {
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => open(path));
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        foreach (string reason in reasons) Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }
}
