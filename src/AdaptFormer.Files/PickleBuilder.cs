using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using AdaptFormer.Tensors;

namespace AdaptFormer.Files;

/// <summary>Makes the objects of a PyTorch checkpoint for <see cref="PickleMachine"/>: storages, views of them, and plain data.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="find">Finds the bytes of a storage when it is first mentioned; null if they follow later in the file.</param>
/// <param name="arrays">Whether numpy arrays may occur: in published data sets, not in checkpoints.</param>
internal sealed class PickleBuilder(string path, Func<TorchStorage, StoredBlock>? find = null, bool arrays = false)
{
    // An object may be mentioned any number of times for two bytes each, so what copies one is bounded.
    private const int MaxCopiedPairs = 1_000_000;
    private const int MaxEncodedText = 64;
    private const int MaxCopiedText = 1 << 24;

    private readonly Dictionary<string, TorchStorage> _storages = new(StringComparer.Ordinal);
    private int _copiedPairs, _copiedText;

    /// <summary>All storages that the pickle mentions, by key.</summary>
    public IReadOnlyDictionary<string, TorchStorage> Storages => _storages;

    /// <summary>The permitted name, or null.</summary>
    public PickleGlobal? Find(string module, string name) => PickleGlobals.Find(module, name, arrays);

    /// <summary>Sets one item; keys that are neither texts nor numbers get a name that says where they stood.</summary>
    public static void SetItem(PickleDict dict, object? key, object? value)
    {
        PickleKey plain = key switch
        {
            string text => new PickleKey(text, true),
            long or double or BigInteger or bool => new PickleKey(Convert.ToString(key, CultureInfo.InvariantCulture)!, false),
            _ => new PickleKey($"#{dict.Items.Count}", false),
        };
        dict.Items[plain] = value;
    }

    /// <summary>The storage that a persistent id describes: ('storage', type, key, location, count), in old files one more that is
    /// None.</summary>
    public TorchStorage Storage(object? id)
    {
        if (id is not object?[] { Length: 5 or 6 } parts
            || parts is not ["storage", PickleGlobal { Kind: PickleGlobalKind.Storage } kind, string key, string, long count, ..]
            || count < 0)
        {
            throw BadFile.Error(path, "the checkpoint refers to a storage in a way that PyTorch does not");
        }

        if (parts.Length == 6 && parts[5] is not null)
            throw BadFile.Error(path, key,
                "it is a view inside another storage, as PyTorch before 0.4 wrote it; save the file again with a newer PyTorch");

        if (_storages.TryGetValue(key, out TorchStorage? known))
        {
            if (known.Type != kind.Type || known.Count != count)
                throw BadFile.Error(path, key,
                    $"the storage is {known.Count} of {known.Type} in one place and {count} of {kind.Type} in another");
            return known;
        }

        TorchStorage storage = new() { Key = key, Type = kind.Type, Count = count };
        storage.Block = find?.Invoke(storage);
        _storages.Add(key, storage);
        return storage;
    }

    /// <summary>Calls a permitted function or creates an object of a permitted class.</summary>
    public object? Call(object? function, object? arguments)
    {
        if (function is not PickleGlobal global || arguments is not object?[] args)
            throw BadFile.Error(path, "the checkpoint calls something that is not a function");

        return (global.Kind, args) switch
        {
            (PickleGlobalKind.OrderedDict, []) => new PickleDict(),
            (PickleGlobalKind.OrderedDict, [PickleList pairs]) => FromPairs(pairs),
            (PickleGlobalKind.Namespace, []) => new PickleDict { IsObject = true },
            (PickleGlobalKind.RebuildTensor, [TorchStorage s, long offset, object?[] size, object?[] stride, ..]) =>
                Tensor(s, s.Type, offset, size, stride),
            (PickleGlobalKind.RebuildTypedTensor,
                [TorchStorage s, long offset, object?[] size, object?[] stride, _, _,
                    PickleGlobal { Kind: PickleGlobalKind.DataType } t, ..]) =>
                Tensor(s, t.Type, offset, size, stride),
            (PickleGlobalKind.RebuildParameter, [TorchTensor data, ..]) => data,
            (PickleGlobalKind.Size, [object?[] dims]) => dims,
            (PickleGlobalKind.Size, [PickleList dims]) => dims,
            (PickleGlobalKind.Device, [string device, ..]) => device,
            (PickleGlobalKind.NumpyType, [string code, ..]) => new NumpyType(code),
            (PickleGlobalKind.NumpyScalar, [NumpyType type, byte[] bytes]) => NumpyScalar(type.Code, bytes),
            (PickleGlobalKind.NumpyScalar, [NumpyType type, string { Length: <= MaxEncodedText } bytes]) =>
                NumpyScalar(type.Code, Encoding.Latin1.GetBytes(bytes)),
            (PickleGlobalKind.NumpyReconstruct, [PickleGlobal { Kind: PickleGlobalKind.NumpyArray }, object?[], _]) => new NumpyArray(),
            (PickleGlobalKind.Encode, [string { Length: <= MaxEncodedText } text, "latin1"]) => Encoding.Latin1.GetBytes(text),
            (PickleGlobalKind.Encode, [string { Length: 0 }, ..]) => Array.Empty<byte>(),
            _ => throw BadFile.Error(path, $"the checkpoint calls {global.Name} with arguments that it does not take"),
        };
    }

    /// <summary>Gives an object its attributes. Dictionaries and tensors carry nothing there that matters.</summary>
    public void SetState(object? target, object? state)
    {
        switch (target)
        {
            case PickleDict { IsObject: true, Items.Count: 0 } o when state is PickleDict attributes:
                o.Items = attributes.Items;
                break;
            case PickleDict { IsObject: false } or TorchTensor:
                break;
            case NumpyType type when state is object?[] and [_, string order, ..]:
                if (order is not ("<" or "|"
                    or "=")) throw BadFile.Error(path, $"a numpy value of type {BadFile.Shorten(type.Code)} is not little-endian");
                break;
            case NumpyArray { Bytes.Length: 0 } array
                when state is object?[] and [long, object?[] shape, NumpyType element, bool fortran, var bytes]:
                FillArray(array, shape, element, fortran, bytes as byte[] ?? (bytes is string text ? Copy(text) : []));
                break;
            default:
                throw BadFile.Error(path, "the checkpoint sets attributes of something that has none");
        }
    }

    private byte[] Copy(string text)
    {
        if (text.Length > MaxCopiedText - _copiedText)
            throw BadFile.Error(path, "it makes more arrays out of short texts than any data set has");
        _copiedText += text.Length;
        return Encoding.Latin1.GetBytes(text);
    }

    private void FillArray(NumpyArray array, object?[] shape, NumpyType element, bool fortran, byte[] bytes)
    {
        if (element.Code is not [_, >= '1' and <= '8'] || !Array.TrueForAll(shape, d => d is >= 0L))
            throw BadFile.Error(path, $"a numpy array of type '{BadFile.Shorten(element.Code)}' is not made of plain numbers");
        Int128 expected = element.Code[1] - '0';
        foreach (object? length in shape) expected = Int128.Min(expected * (long)length!, long.MaxValue);
        if (expected != bytes.Length)
            throw BadFile.Error(path,
                $"a numpy array [{string.Join(", ", shape)}] of {element.Code} has {bytes.Length} bytes, which does not fit");
        (array.Shape, array.Code, array.FortranOrder, array.Bytes) = ([.. shape.Select(d => (long)d!)], element.Code, fortran, bytes);
    }

    private PickleDict FromPairs(PickleList pairs)
    {
        if (pairs.Items.Count > MaxCopiedPairs - _copiedPairs)
            throw BadFile.Error(path, "the checkpoint makes more dictionaries out of pairs than any set of weights has");
        _copiedPairs += pairs.Items.Count;
        PickleDict dict = new();
        foreach (object? pair in pairs.Items)
        {
            if (pair is object?[] and [var k1, var v1]) SetItem(dict, k1, v1);
            else if (pair is PickleList { Items: [var k2, var v2] }) SetItem(dict, k2, v2);
            else throw BadFile.Error(path, "the checkpoint makes a dictionary of something other than pairs");
        }

        return dict;
    }

    private TorchTensor Tensor(TorchStorage storage, FileDataType? statedType, long offset, object?[] size, object?[] stride)
    {
        FileDataType type = statedType ?? throw BadFile.Error(path, storage.Key, "a tensor does not say of which type its elements are");
        if (storage.Type is { } stored && stored != type)
            throw BadFile.Error(path, storage.Key, $"a tensor of {type} lies in a storage of {stored}");
        if (size.Length != stride.Length || Array.Exists(size, d => d is not long) || Array.Exists(stride, s => s is not long))
            throw BadFile.Error(path, storage.Key, "the size and stride of a tensor are not whole numbers, one each per axis");
        if (!FileShapes.TryCreate([.. size.Cast<long>()], type.Size(), out Shape shape, out string problem))
            throw BadFile.Error(path, storage.Key, problem);

        long[] strides = [.. stride.Cast<long>()];
        Int128 last = offset;       // the element that lies furthest into the storage
        for (int i = 0; i < strides.Length; i++)
        {
            if (strides[i] < 0) throw BadFile.Error(path, storage.Key, $"a tensor has the negative stride {strides[i]}");
            last += (Int128)strides[i] * (shape[i] - 1);
        }

        Int128 count = storage.ByteLength / type.Size();
        if (offset < 0 || (shape.Length > 0 && last >= count) || offset > count)
            throw BadFile.Error(path, storage.Key,
                $"a tensor {shape} at offset {offset} reaches beyond the {count} elements of its storage");
        return new TorchTensor(storage, type, shape, offset, strides);
    }

    private object NumpyScalar(string code, byte[] bytes)
    {
        if (code is not [_, .., var digit] || digit - '0' != bytes.Length)
            throw BadFile.Error(path, $"a numpy value of type '{BadFile.Shorten(code)}' has {bytes.Length} bytes");
        return code switch
        {
            "f8" => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
            "f4" => (double)BinaryPrimitives.ReadSingleLittleEndian(bytes),
            "f2" => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes),
            "b1" => bytes[0] != 0,
            ['i', _] => (long)new BigInteger(bytes),
            ['u', _] => new BigInteger(bytes, isUnsigned: true),
            _ => throw BadFile.Error(path, $"a numpy value has the type '{BadFile.Shorten(code)}', which is not read"),
        };
    }
}
