using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;

namespace AdaptFormer.Files;

/// <summary>
/// Turns the nested dictionaries of a checkpoint into named tensors and texts. The dictionary that holds the model's tensors is
/// unwrapped if it stands under one of the keys that training programs use; nothing else is stripped from any name.
/// </summary>
internal sealed class CheckpointTree
{
    // The first of these that holds more tensors than lie beside it is unwrapped, repeatedly.
    private static readonly string[] ContainerKeys = ["model", "state_dict", "model_state_dict", "module", "net", "network"];

    private const int MaxDepth = 64;
    private const int MaxTextLength = 4096;

    // Views of one storage may repeat its elements (expanded or tied weights), but not without measure.
    private const long FreeRepetition = 1 << 20;
    private const long MaxRepetition = 16;

    // Longer lists of numbers and texts, such as the parameter ids of an optimizer, are not shown.
    private const int MaxListedTexts = 16;

    // What names, texts and visits may cost. A tensor takes far more than eight bytes of a pickle, so an honest one can afford it.
    private const int VisitCost = 64;
    private const int TensorCost = 512;
    private const long FreeBudget = 64 << 10;
    private const long BudgetPerByte = 64;
    private const long MaxBudget = 64 << 20;

    private readonly string _path;
    private long _budget;

    private CheckpointTree(string path, long budget) => (_path, _budget) = (path, budget);

    /// <summary>The tensors of the container, in order.</summary>
    public OrderedDictionary<string, WeightsEntry> Entries { get; } = new(StringComparer.Ordinal);

    /// <summary>All texts and numbers of the checkpoint, under their whole names.</summary>
    public OrderedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>The keys that lead to the container, joined by dots; empty for the whole checkpoint.</summary>
    public string Container { get; private set; } = "";

    /// <summary>Dictionaries that hold tensors beside the container, or beside one around it, by the keys that lead to them: names of
    /// their tensors.</summary>
    public OrderedDictionary<string, IReadOnlyList<string>> Beside { get; } = new(StringComparer.Ordinal);

    /// <summary>Flattens a checkpoint.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="root">The unpickled object.</param>
    /// <param name="container">The keys, joined by dots, that lead to the tensors; empty for the root, null to find it.</param>
    /// <param name="pickleBytes">Length of the pickle: names and visits are bounded by it, because shared objects count each time.</param>
    /// <param name="fileBytes">Length of the file, by which the tensors are bounded.</param>
    public static CheckpointTree Flatten(string path, object? root, string? container, long pickleBytes, long fileBytes)
    {
        CheckpointTree tree = new(path, FreeBudget + Math.Min(MaxBudget, BudgetPerByte * pickleBytes));
        if (root is TorchTensor) root = Wrap("tensor", root);
        object? start = container is null ? tree.FindContainer(root) : tree.Descend(root, container);
        tree.LookBeside(root);
        tree.AddTensors(start, "", 0);
        tree.AddTexts(root, "", 0);

        Int128 bytes = 0;
        foreach (WeightsEntry entry in tree.Entries.Values) bytes += entry.ByteLength;
        if (bytes > FreeRepetition + (MaxRepetition * (Int128)fileBytes))
            throw BadFile.Error(path,
                $"its tensors repeat their elements to {bytes} bytes, more than {MaxRepetition} times the size of the file");
        return tree;
    }

    private static PickleDict Wrap(string key, object? value)
    {
        PickleDict dict = new();
        PickleBuilder.SetItem(dict, key, value);
        return dict;
    }

    private object? FindContainer(object? value)
    {
        for (int depth = 0; depth < MaxDepth && value is PickleDict dict; depth++)
        {
            int beside = dict.Items.Values.Count(v => v is TorchTensor);
            string? key = Array.Find(ContainerKeys, k => dict.Items.TryGetValue(new PickleKey(k, true), out object? inner)
                && inner is PickleDict && CountTensors(inner, 0) > beside);
            if (key is null) break;
            Container = Join(Container, key);
            value = dict.Items[new PickleKey(key, true)];
        }

        return value;
    }

    private object? Descend(object? value, string container)
    {
        foreach (string key in container.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            if (value is not PickleDict dict || !dict.Items.TryGetValue(new PickleKey(key, true), out value))
                throw BadFile.Error(_path, container, "the checkpoint has no such dictionary");
        }

        Container = container;
        return value;
    }

    private void LookBeside(object? value)
    {
        string at = "";
        foreach (string taken in Container.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            if (value is not PickleDict dict) return;
            foreach ((string key, object? child) in Children(dict, depth: 0))
            {
                if (key == taken || child is not PickleDict) continue;
                List<string> names = [];
                AddNames(child, "", names, depth: 0);
                if (names.Count > 0) Beside.TryAdd(Join(at, key), names);
            }

            value = dict.Items[new PickleKey(taken, true)];
            at = Join(at, taken);
        }
    }

    private void AddNames(object? value, string name, List<string> names, int depth)
    {
        Spend(VisitCost + name.Length, depth);
        if (value is TorchTensor)
        {
            Spend(TensorCost, depth);
            names.Add(name);
        }

        foreach ((string key, object? child) in Children(value, depth))
        {
            if (child is TorchTensor or PickleDict) AddNames(child, Join(name, key), names, depth + 1);
        }
    }

    private int CountTensors(object? value, int depth)
    {
        if (value is not PickleDict dict) return value is TorchTensor ? 1 : 0;
        Spend(VisitCost + dict.Items.Count, depth);
        return dict.Items.Values.Sum(v => CountTensors(v, depth + 1));
    }

    private void AddTensors(object? value, string name, int depth)
    {
        Spend(VisitCost + name.Length, depth);
        if (value is TorchTensor t)
        {
            Spend(TensorCost, depth);
            ImmutableArray<long> strides = t.IsContiguous ? default : [.. t.Strides];
            WeightsEntry entry = new(name, t.Type, t.Shape, t.Storage.Block!, t.Offset * t.Type.Size(), strides);
            if (!Entries.TryAdd(name, entry)) throw BadFile.Error(_path, name, "two tensors have this name");
            return;
        }

        foreach ((string key, object? child) in Children(value, depth))
        {
            if (child is TorchTensor or PickleDict or PickleList or object?[]) AddTensors(child, Join(name, key), depth + 1);
        }
    }

    private void AddTexts(object? value, string name, int depth)
    {
        Spend(VisitCost + name.Length, depth);
        string? text = value switch
        {
            string { Length: <= MaxTextLength } s => s,
            bool b => b ? "true" : "false",
            long or BigInteger => Convert.ToString(value, CultureInfo.InvariantCulture),
            double d => d.ToString("R", CultureInfo.InvariantCulture),
            _ => null,
        };
        if (text is not null)
        {
            Spend(text.Length, depth);
            _ = Metadata.TryAdd(name, text);
            return;
        }

        if (value is PickleList { Items.Count: > MaxListedTexts } or object?[] { Length: > MaxListedTexts }) return;
        foreach ((string key, object? child) in Children(value, depth))
        {
            if (child is not (null or TorchTensor)) AddTexts(child, Join(name, key), depth + 1);
        }
    }

    private IEnumerable<(string Key, object? Value)> Children(object? value, int depth)
    {
        if (value is PickleDict dict)
        {
            Spend(dict.Items.Count, depth);
            return dict.Items.Select(item => (item.Key.Text, item.Value));
        }

        IReadOnlyList<object?> items = value is PickleList list ? list.Items : value as object?[] ?? [];
        Spend(items.Count, depth);
        return items.Select((item, i) => (i.ToString(CultureInfo.InvariantCulture), item));
    }

    /// <summary>Objects may be shared, and so visited far more often than the file has bytes; hostile ones contain themselves.</summary>
    private void Spend(long cost, int depth)
    {
        _budget -= cost;
        if (_budget < 0 || depth > MaxDepth) throw BadFile.Error(_path, "its dictionaries contain each other too deeply or too often");
    }

    private static string Join(string name, string key) => name.Length == 0 ? key : $"{name}.{key}";
}
