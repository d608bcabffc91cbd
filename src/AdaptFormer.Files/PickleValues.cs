using AdaptFormer.Tensors;

namespace AdaptFormer.Files;

// What a pickle may build here. Beside these: null, bool, long, BigInteger, double, string, byte[] and object?[] (a tuple).

/// <summary>A Python dictionary, or an object of which only the attributes are kept.</summary>
internal sealed class PickleDict
{
    /// <summary>The items in the order of insertion; those of an object are the dictionary that it was given, not a copy.</summary>
    public OrderedDictionary<PickleKey, object?> Items { get; set; } = [];

    /// <summary>Whether attributes given to it are its content (an inert object) rather than something beside it.</summary>
    public bool IsObject { get; init; }
}

/// <summary>
/// A dictionary key as text, so that 1 and "1" stay two keys. Text is hashed with a secret, which numbers are not: a hostile
/// file cannot make all of its keys collide.
/// </summary>
/// <param name="Text">The text, or the number in decimal.</param>
/// <param name="IsText">Whether the key is a text.</param>
internal readonly record struct PickleKey(string Text, bool IsText);

/// <summary>A Python list or set.</summary>
internal sealed class PickleList
{
    /// <summary>The items.</summary>
    public List<object?> Items { get; } = [];
}

/// <summary>What a permitted Python name stands for.</summary>
internal enum PickleGlobalKind
{
    /// <summary>collections.OrderedDict.</summary>
    OrderedDict,

    /// <summary>An object kept as the dictionary of its attributes.</summary>
    Namespace,

    /// <summary>A storage of known element type, or of bytes.</summary>
    Storage,

    /// <summary>torch._utils._rebuild_tensor and its second version.</summary>
    RebuildTensor,

    /// <summary>torch._utils._rebuild_tensor_v3, which names the element type itself.</summary>
    RebuildTypedTensor,

    /// <summary>torch._utils._rebuild_parameter.</summary>
    RebuildParameter,

    /// <summary>An element type such as torch.float32.</summary>
    DataType,

    /// <summary>torch.Size.</summary>
    Size,

    /// <summary>torch.device.</summary>
    Device,

    /// <summary>numpy.dtype.</summary>
    NumpyType,

    /// <summary>numpy.core.multiarray.scalar.</summary>
    NumpyScalar,

    /// <summary>numpy.ndarray.</summary>
    NumpyArray,

    /// <summary>numpy.core.multiarray._reconstruct, which makes an empty array that its state fills.</summary>
    NumpyReconstruct,

    /// <summary>_codecs.encode, by which Python 2 pickles carry bytes.</summary>
    Encode,
}

/// <summary>A permitted Python name.</summary>
/// <param name="Name">Module and name.</param>
/// <param name="Kind">What it does.</param>
/// <param name="Type">The element type of a storage or data type; null for bytes.</param>
internal sealed record PickleGlobal(string Name, PickleGlobalKind Kind, FileDataType? Type = null);

/// <summary>A numpy element type, for example <c>f8</c>.</summary>
/// <param name="Code">Kind and bytes.</param>
internal sealed record NumpyType(string Code);

/// <summary>A numpy array of plain numbers.</summary>
internal sealed class NumpyArray
{
    /// <summary>Lengths of the axes.</summary>
    public long[] Shape { get; set; } = [];

    /// <summary>Kind and bytes of an element, for example <c>u1</c>.</summary>
    public string Code { get; set; } = "";

    /// <summary>Whether the first axis varies fastest.</summary>
    public bool FortranOrder { get; set; }

    /// <summary>The elements, little-endian: exactly as many as the shape says.</summary>
    public byte[] Bytes { get; set; } = [];
}

/// <summary>A run of elements that tensors are views of.</summary>
internal sealed class TorchStorage
{
    /// <summary>The name by which the pickle refers to it.</summary>
    public required string Key { get; init; }

    /// <summary>The element type; null if the tensors say how the bytes are to be read.</summary>
    public required FileDataType? Type { get; init; }

    /// <summary>Number of elements (bytes if untyped), as the pickle states it.</summary>
    public required long Count { get; init; }

    /// <summary>The bytes, once they are found in the file: exactly as many as stated.</summary>
    public StoredBlock? Block { get; set; }

    /// <summary>Bytes of all elements.</summary>
    public Int128 ByteLength => (Int128)Count * (Type?.Size() ?? 1);
}

/// <summary>A view of a storage that has been checked to lie inside it.</summary>
/// <param name="Storage">Where the elements are.</param>
/// <param name="Type">How they are stored.</param>
/// <param name="Shape">Lengths of the axes.</param>
/// <param name="Offset">Elements before the first.</param>
/// <param name="Strides">Elements from one index to the next, per axis.</param>
internal sealed record TorchTensor(TorchStorage Storage, FileDataType Type, Shape Shape, long Offset, long[] Strides)
{
    /// <summary>Whether the elements lie in row-major order without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (int i = Shape.Rank - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != expected) return Shape.Length == 0;
                expected *= Shape[i];
            }

            return true;
        }
    }
}
