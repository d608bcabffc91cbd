using System.Runtime.InteropServices;
using AdaptFormer.Files;
using Xunit;

namespace AdaptFormer.Tests.Files;

/// <summary>Hand-written checkpoints, each wrong in one way.</summary>
public sealed class PickleMachineTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Unknown => new()
    {
        { "os", "system" }, { "builtins", "exec" }, { "builtins", "getattr" }, { "subprocess", "Popen" }, { "torch.storage", "_load_from_bytes" },
        { "torch", "load" }, { "numpy.core.multiarray", "_reconstruct" }, { "collections", "OrderedDict.__class__" }, { "torch", "FloatStorage\0" }, { "", "" },
    };

    [Theory]
    [MemberData(nameof(Unknown))]
    public void A_name_that_is_not_on_the_list_is_refused_even_if_it_is_never_called(string module, string name) =>
        Refused(p => p.Raw('}').Global(module, name).Raw('0'), "asks for the Python object", "nothing was executed");

    [Fact]
    public void Names_from_the_stack_are_held_to_the_same_list() =>
        Refused(p => p.Text("os").Text("system").Raw(0x93), "'os.system'");

    [Fact]
    public void Tensors_that_reach_beyond_their_storage_are_refused()
    {
        Refused(p => p.Tensor([5], [1]), "reaches beyond the 4 elements");
        Refused(p => p.Tensor([2], [4]), "reaches beyond");
        Refused(p => p.Tensor([4], [1], offset: 1), "reaches beyond");
        Refused(p => p.Tensor([0], [1], offset: 5), "reaches beyond");
        Refused(p => p.Tensor([1], [1], offset: -1), "reaches beyond");
        Refused(p => p.Tensor([2], [-1], offset: 3), "negative stride");
        Refused(p => p.Tensor([2, 2], [long.MaxValue, long.MaxValue]), "reaches beyond");
        Refused(p => p.Tensor([-1], [1]), "axis 0 is -1 long");
        Refused(p => p.Tensor([int.MaxValue, int.MaxValue, int.MaxValue], [0, 0, 0]), "more elements than any file");
        Refused(p => p.Tensor([2, 2], [1]), "one each per axis");
        Refused(p => p.Tensor(new long[33], new long[33]), "33 axes");
    }

    [Fact]
    public void A_storage_of_another_size_than_its_bytes_is_refused()
    {
        Refused(p => p.Tensor([4], [1], count: 5), "should have 20 bytes (5 elements), but has 16");
        Refused(p => p.Tensor([4], [1], type: "DoubleStorage"), "should have 32 bytes (4 elements), but has 16");
        Refused(p => p.Tensor([4], [1], count: long.MaxValue), "but has 16");
        Refused(p => p.Tensor([4], [1], count: -1), "refers to a storage in a way");
        Refused(p => p.Tensor([4], [1], key: "1"), "'1': the pickle refers to a storage that the zip file does not hold");
        Refused(p => p.Tensor([4], [1], key: "../data.pkl"), "does not hold");
    }

    [Fact]
    public void A_storage_with_two_types_is_refused() =>
        Refused(p => p.Raw('(').Tensor([4], [1]).Tensor([2], [1], type: "DoubleStorage", count: 2).Raw('t'), "4 of Float32 in one place and 2 of Float64 in another");

    [Fact]
    public void Tiny_storages_expanded_to_giant_tensors_are_refused() =>
        Refused(p => p.Tensor([int.MaxValue], [0]), "repeat their elements to 8589934588 bytes");

    [Fact]
    public void Containers_that_hold_each_other_exponentially_or_for_ever_are_refused()
    {
        // Each list holds the one before it twice.
        Refused(p =>
        {
            p.Raw('(').Raw(']').Raw((byte)'q', 0);
            for (byte i = 1; i < 60; i++) p.Raw(']').Raw((byte)'q', i).Raw('(').Raw((byte)'h', (byte)(i - 1)).Raw((byte)'h', (byte)(i - 1)).Raw('e');
            p.Raw('t');
        }, "contain each other too deeply or too often");
        Refused(p => p.Raw(']').Raw((byte)'q', 0).Raw((byte)'h', 0).Raw('a'), "contain each other");
        Refused(p =>
        {
            for (int i = 0; i < 100_000; i++) p.Raw(']');
            for (int i = 1; i < 100_000; i++) p.Raw('a');
        }, "contain each other");
    }

    [Fact]
    public void Objects_that_are_mentioned_often_are_not_copied_each_time()
    {
        const int Size = 1000, Mentions = 10_000;
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused(p =>
        {
            p.Raw(']').Raw('(').Global("collections", "OrderedDict").Raw((byte)'q', 0).Raw(']').Raw('(');
            for (int i = 0; i < Size; i++) p.Ints(i, i);
            p.Raw('e').Raw((byte)0x85).Raw((byte)'q', 1).Raw('R');
            for (int i = 0; i < Mentions; i++) p.Raw((byte)'h', 0, (byte)'h', 1, (byte)'R');
            p.Raw('e');
        }, "makes more dictionaries out of pairs");
        Refused(p =>
        {
            p.Raw(']').Raw('(').Global("argparse", "Namespace").Raw((byte)'q', 0).Raw('}').Raw((byte)'q', 1).Raw('(');
            for (int i = 0; i < Size; i++) p.Int(i).Int(i);
            p.Raw('u');
            for (int i = 0; i < Mentions; i++) p.Raw((byte)'h', 0, (byte)')', 0x81, (byte)'h', 1, (byte)'b');
            p.Raw('e');
        }, "contain each other");
        Refused(p =>
        {
            p.Raw(']').Raw('(').Global("_codecs", "encode").Raw((byte)'q', 0).Text(new string('x', 10 * Size)).Text("latin1").Raw((byte)0x86).Raw((byte)'q', 1);
            for (int i = 0; i < Mentions; i++) p.Raw((byte)'h', 0, (byte)'h', 1, (byte)'R');
            p.Raw('e');
        }, "calls _codecs.encode with arguments");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200L << 20);
    }

    [Fact]
    public void Two_tensors_of_one_flattened_name_are_refused() =>
        Refused(p => p.Raw('}').Raw('(').Text("a.b").Tensor([1], [1]).Text("a").Dict("b", q => q.Tensor([2], [1])).Raw('u'), "'a.b': two tensors have this name");

    public static TheoryData<string, string> Damage => new()
    {
        { "2e", "takes more from its stack" },                     // STOP on an empty stack
        { "4e4e2e", "left over" },
        { "284e2e", "left over" },
        { "742e", "takes more from its stack" },
        { "4e612e", "not a list" },
        { "7d4e732e", "not a dictionary" },
        { "7d284e752e", "not a dictionary" },
        { "7d4e284e732e", "not a dictionary" },                    // SETITEM across a mark
        { "68052e", "refers to object 5" },
        { "4b", "cut short" },
        { "58ffffffff", "cut short" },
        { "8dffffffffffffffff", "cut short" },
        { "5802000000fffe2e", "not valid UTF-8" },
        { "8a412e", "a number of 65 bytes" },
        { "6361", "cut short" },
        { "4e4e522e", "not a function" },
        { "4e512e", "refers to a storage" },
        { "4e4e622e", "sets attributes" },
        { "ff2e", "opcode 0xff" },
        { "692e", "opcode 0x69" },                                 // INST
        { "826400002e", "opcode 0x82" },                           // EXT1
        { "80092e", "newer" },
    };

    [Theory]
    [MemberData(nameof(Damage))]
    public void A_damaged_pickle_is_refused(string hex, string reason) => Refused(p => p.Raw(Convert.FromHexString(hex)), reason);

    [Fact]
    public void A_million_empty_objects_are_refused_before_they_cost_much() =>
        Refused(p => p.Raw([.. Enumerable.Repeat((byte)'}', 1_100_000)]), "more objects than any set of weights has");

    [Fact]
    public void Arguments_that_a_function_does_not_take_are_refused()
    {
        Refused(p => p.Global("collections", "OrderedDict").Raw('(').Int(1).Raw('t').Raw('R'), "calls collections.OrderedDict with arguments");
        Refused(p => p.Global("torch", "FloatStorage").Raw(')').Raw('R'), "calls torch.FloatStorage with arguments");
        Refused(p => p.Global("numpy", "dtype").Raw('(').Text("O").Raw('t').Raw('R').Raw('(').Int(3).Text(">").Raw('t').Raw('b'), "not little-endian");
        Refused(p => p.Global("collections", "OrderedDict").Raw('(').Raw(']').Int(1).Raw('a').Raw('t').Raw('R'), "other than pairs");
    }

    private string Write(Action<PickleWriter> write)
    {
        PickleWriter pickle = new();
        write(pickle);
        return _folder.Write(Guid.NewGuid().ToString(), PickleWriter.Zip(pickle, ("x/data/0", MemoryMarshal.AsBytes<float>([1, 2, 3, 4]).ToArray())));
    }

    private void Refused(Action<PickleWriter> write, params string[] reasons) => WeightsAssert.Refused(Write(write), reasons);
}
