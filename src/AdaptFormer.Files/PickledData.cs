namespace AdaptFormer.Files;

/// <summary>
/// A Python dictionary in a pickle, as data sets are published: numbers, texts, lists and numpy arrays. No Python code is run and
/// none could be.
/// </summary>
public sealed class PickledData
{
    private readonly string _path;
    private readonly PickleDict _dict;

    private PickledData(string path, PickleDict dict) => (_path, _dict) = (path, dict);

    /// <summary>The keys that are texts.</summary>
    public IEnumerable<string> Keys => _dict.Items.Keys.Where(key => key.IsText).Select(key => key.Text);

    /// <summary>Reads a file.</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="InvalidDataException">It is no pickle of a dictionary, is damaged, or asks for more than data.</exception>
    public static PickledData Read(string path)
    {
        using MappedFile file = new(path);
        if (file.Length is 0 or > int.MaxValue) throw BadFile.Error(path, $"it has {file.Length} bytes, which no pickle of a data set has");
        object? root = PickleMachine.Run(file.Slice(0, (int)file.Length), path, new PickleBuilder(path, arrays: true), out int length);
        if (length != file.Length) throw BadFile.Error(path, $"its pickle ends at byte {length}, the file at {file.Length}");
        return new PickledData(path, root as PickleDict ?? throw BadFile.Error(path, "it is a pickle, but not of a dictionary"));
    }

    /// <summary>A list of whole numbers.</summary>
    /// <exception cref="InvalidDataException">There is no such list.</exception>
    public IReadOnlyList<long> Integers(string key) => List<long>(key, "whole numbers");

    /// <summary>A list of texts.</summary>
    /// <exception cref="InvalidDataException">There is no such list.</exception>
    public IReadOnlyList<string> Texts(string key) => List<string>(key, "texts");

    /// <summary>An array of bytes with two axes, in row-major order.</summary>
    /// <exception cref="InvalidDataException">There is no such array.</exception>
    public (int Rows, int Columns, ReadOnlyMemory<byte> Bytes) ByteMatrix(string key)
    {
        if (Value(key) is not NumpyArray { Code: "u1" or "b1", Shape: [long rows, long columns] } array)
            throw BadFile.Error(_path, key, "expected an array of bytes with two axes");
        return ((int)rows, (int)columns, array.FortranOrder ? Transposed(array.Bytes, (int)rows, (int)columns) : array.Bytes);
    }

    private static byte[] Transposed(byte[] bytes, int rows, int columns)
    {
        byte[] result = new byte[bytes.Length];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++) result[((long)r * columns) + c] = bytes[((long)c * rows) + r];
        }

        return result;
    }

    private T[] List<T>(string key, string kind) => Value(key) is PickleList { Items: var items } && items.TrueForAll(item => item is T)
        ? [.. items.Cast<T>()]
        : throw BadFile.Error(_path, key, $"expected a list of {kind}");

    private object? Value(string key) => _dict.Items.TryGetValue(new PickleKey(key, true), out object? value)
        ? value
        : throw BadFile.Error(_path,
            $"it has no '{BadFile.Shorten(key)}'; it holds {string.Join(", ", Keys.Take(8).Select(BadFile.Shorten))}");
}
