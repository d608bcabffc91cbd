using System.Buffers.Binary;
using System.Numerics;

namespace AdaptFormer.Files;

/// <summary>
/// Reads what <c>torch.save</c> wrote, as zip (since PyTorch 1.6) or as a sequence of pickles (before). No Python code is run and
/// none could be: the pickle may only describe tensors and plain data.
/// </summary>
public static class PyTorchFile
{
    private const int MaxPickleBytes = 64 << 20;

    // The number that opens the old format, and the only version of it.
    private static readonly BigInteger LegacyMagic = BigInteger.Parse("119547037146038801333356");
    private const long LegacyVersion = 1001;

    /// <summary>Opens a PyTorch checkpoint.</summary>
    /// <param name="path">Where the file is.</param>
    /// <param name="container">
    /// The keys, joined by dots, that lead to the dictionary whose tensors are wanted, for example <c>model_ema</c>; empty for the
    /// whole checkpoint under its whole names. Null finds the model: while one of <c>model</c>, <c>state_dict</c>,
    /// <c>model_state_dict</c>, <c>module</c>, <c>net</c>, <c>network</c> holds more tensors than lie beside it, it is unwrapped.
    /// What was unwrapped is <see cref="WeightsFile.Container"/>.
    /// </param>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <exception cref="InvalidDataException">The file is no checkpoint, is damaged, or asks for more than tensors and plain
    /// data.</exception>
    public static WeightsFile Open(string path, string? container = null)
    {
        MappedFile file = new(path);
        try
        {
            return WeightsFileKinds.IsZip(file) ? OpenZip(file, ZipFile.Read(file), container) : OpenLegacy(file, container);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The member that describes the tensors, or null if the zip file is no checkpoint.</summary>
    internal static ZipMember? FindPickle(ZipFile zip)
    {
        ZipMember[] found = [.. zip.Members.Values.Where(m => m.Name.EndsWith("/data.pkl", StringComparison.Ordinal)
            && m.Name.IndexOf('/', StringComparison.Ordinal) == m.Name.Length - 9)];
        return found.Length == 1 ? found[0] : null;
    }

    /// <summary>Opens a checkpoint in a zip file, which then belongs to the result.</summary>
    internal static unsafe WeightsFile OpenZip(MappedFile file, ZipFile zip, string? container)
    {
        try
        {
            ZipMember pickle = FindPickle(zip) ?? throw BadFile.Error(file.Path,
                "it is a zip file, but not a PyTorch checkpoint: no single member is called NAME/data.pkl");
            if (pickle.Length > MaxPickleBytes)
                throw BadFile.Error(file.Path, pickle.Name, $"it has {pickle.Length} bytes, at most {MaxPickleBytes} are read");
            string root = pickle.Name[..^"data.pkl".Length];
            CheckByteOrder(file, zip, root);

            PickleBuilder builder = new(file.Path, storage => FindStorage(file, zip, root, storage));
            ReadOnlySpan<byte> bytes = new(pickle.Address(), (int)pickle.Length);
            object? checkpoint = PickleMachine.Run(bytes, file.Path, builder, out _);
            CheckpointTree tree = CheckpointTree.Flatten(file.Path, checkpoint, container, bytes.Length, file.Length);
            return new WeightsFile(file.Path, "PyTorch zip", tree.Metadata, tree.Entries, zip)
            { Container = tree.Container, Beside = tree.Beside };
        }
        catch
        {
            zip.Dispose();
            throw;
        }
    }

    /// <summary>Opens a checkpoint in the old format; the map then belongs to the result.</summary>
    internal static WeightsFile OpenLegacy(MappedFile file, string? container)
    {
        ReadOnlySpan<byte> pickles = file.Slice(0, (int)Math.Min(file.Length, MaxPickleBytes));
        PickleBuilder builder = new(file.Path);
        int at = 0;
        if (Next(pickles, ref at) is not BigInteger magic || magic != LegacyMagic)
            throw BadFile.Error(file.Path, "it is a Python pickle, but not one that torch.save wrote");
        if (Next(pickles, ref at) is not LegacyVersion)
            throw BadFile.Error(file.Path, $"its PyTorch format is not version {LegacyVersion}");
        if (Next(pickles, ref at) is not PickleDict system
            || (system.Items.TryGetValue(new PickleKey("little_endian", true), out object? little) && little is not true))
        {
            throw BadFile.Error(file.Path, "it was written on a big-endian machine, or does not say on which");
        }

        int start = at;
        object? checkpoint = Next(pickles, ref at);
        int pickleBytes = at - start;
        object? keys = Next(pickles, ref at);
        BindStorages(file, builder, keys, at);
        CheckpointTree tree = CheckpointTree.Flatten(file.Path, checkpoint, container, pickleBytes, file.Length);
        return new WeightsFile(file.Path, "PyTorch legacy", tree.Metadata, tree.Entries, file)
        { Container = tree.Container, Beside = tree.Beside };

        object? Next(ReadOnlySpan<byte> data, ref int position)
        {
            object? value = PickleMachine.Run(data[position..], file.Path, builder, out int length);
            position += length;
            return value;
        }
    }

    private static ZipMember FindStorage(MappedFile file, ZipFile zip, string root, TorchStorage storage)
    {
        if (!zip.Members.TryGetValue($"{root}data/{storage.Key}", out ZipMember? member))
            throw BadFile.Error(file.Path, storage.Key, "the pickle refers to a storage that the zip file does not hold");
        if (member.Length != storage.ByteLength)
            throw BadFile.Error(file.Path, storage.Key,
                $"the storage should have {storage.ByteLength} bytes ({storage.Count} elements), but has {member.Length}");
        return member;
    }

    private static unsafe void CheckByteOrder(MappedFile file, ZipFile zip, string root)
    {
        if (!zip.Members.TryGetValue(root + "byteorder", out ZipMember? member)) return;
        if (member.Length != 6 || !new ReadOnlySpan<byte>(member.Address(), 6).SequenceEqual("little"u8))
            throw BadFile.Error(file.Path, member.Name, "the checkpoint was written on a big-endian machine");
    }

    /// <summary>The storages follow the pickles in the order of a list of their keys: 8 bytes with the count, then the elements.</summary>
    private static void BindStorages(MappedFile file, PickleBuilder builder, object? keys, long at)
    {
        if (keys is not PickleList list) throw BadFile.Error(file.Path, "the list of its storages is missing");
        foreach (object? key in list.Items)
        {
            if (key is not string name || !builder.Storages.TryGetValue(name, out TorchStorage? storage))
                throw BadFile.Error(file.Path, key as string ?? "?", "the list of storages names one that no tensor uses");
            if (storage.Block is not null) throw BadFile.Error(file.Path, name, "the storage is listed twice");

            long count = BinaryPrimitives.ReadInt64LittleEndian(file.Slice(at, sizeof(long)));
            at += sizeof(long);
            if (count != storage.Count)
                throw BadFile.Error(file.Path, name, $"the storage should have {storage.Count} elements, but has {count}");
            if (storage.ByteLength > file.Length - at)
                throw BadFile.Error(file.Path, name,
                    $"the storage needs {storage.ByteLength} bytes at {at}, but the file ends at {file.Length}; it is cut short");
            long bytes = (long)storage.ByteLength;
            storage.Block = new MappedBlock(file, at, bytes);
            at += bytes;
        }

        if (at != file.Length)
            throw BadFile.Error(file.Path, $"the file goes on to {file.Length} after its last storage, which ends at {at}");
        if (builder.Storages.Values.FirstOrDefault(s => s.Block is null) is { } missing)
            throw BadFile.Error(file.Path, missing.Key, "a tensor uses a storage that the file does not hold");
    }
}
